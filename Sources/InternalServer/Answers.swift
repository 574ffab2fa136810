import Crypto
import HyperModel
import JSONRPC
import NIOCore

/// What the example server answers:
///
/// | request | answer |
/// |--|--|
/// | `GET` anything | `{"message":"success"}` |
/// | `GET /bytes/N` | N bytes that are the same every time (``bytes(_:)``), as `application/octet-stream` |
/// | `POST` with `application/octet-stream` | `{"bytes":N,"sha256":"…"}` of the body, which is read as a stream |
/// | `POST` a JSON-RPC 2.0 request, whatever its content type | `{"jsonrpc":"2.0","id":…,"result":{"message":"success"}}` |
/// | `POST` any other JSON object, whatever its content type | the same object |
/// | `POST` anything else | status 400 with an error object |
///
/// Methods with a body count as `POST`, those without as `GET`.
enum Answers {
  /// The largest JSON body; it is held in memory as a whole.
  static let jsonLimit = 256 << 20

  private static let success: JSONValue = ["message": "success"]

  static func answer(_ request: HTTPRequest, _ body: HTTPBody) async -> HTTPResponse {
    guard ["POST", "PUT", "PATCH"].contains(request.method) else { return get(request.path) }
    let type = request.header("content-type")?.prefix { $0 != ";" }.lowercased()
    do throws(HTTPBodyError) {
      if type == "application/octet-stream" { return try await digest(body) }
      return answer(try await body.collect(upTo: jsonLimit))
    } catch {
      switch error {
      case .tooLarge(let limit): return failure(413, -32600, "the body is larger than \(limit) bytes")
      case .incomplete: return failure(400, -32700, "the body is incomplete")
      }
    }
  }

  private static func get(_ path: String) -> HTTPResponse {
    let prefix = "/bytes/"
    guard path.utf8.starts(with: prefix.utf8) else { return .json(200, success.serialized()) }
    guard let length = Int(path.dropFirst(prefix.count)), length >= 0 else {
      return failure(400, -32602, "/bytes/ takes a number of bytes")
    }
    return HTTPResponse(status: 200, contentType: "application/octet-stream", body: .generated(length: length) { bytes($0) })
  }

  private static func answer(_ bytes: [UInt8]) -> HTTPResponse {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: bytes)
    } catch {
      return failure(400, -32700, "JSON required: \(error)")
    }
    guard let object = value.object else { return failure(400, -32700, "JSON required: the body is not an object") }
    guard object["jsonrpc"] == "2.0", object["method"]?.string != nil else { return .json(200, bytes) }
    let answer: JSONValue = ["jsonrpc": "2.0", "id": object["id"] ?? .null, "result": success]
    return .json(200, answer.serialized())
  }

  private static func digest(_ body: HTTPBody) async throws(HTTPBodyError) -> HTTPResponse {
    var digest = SHA256()
    var count: Int64 = 0
    while let piece = try await body.next() {
      piece.withUnsafeReadableBytes { digest.update(bufferPointer: $0) }
      count += Int64(piece.readableBytes)
    }
    let hex = digest.finalize().map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0" + digits : digits
    }.joined()
    let answer: JSONValue = ["bytes": .integer(count), "sha256": .string(hex)]
    return .json(200, answer.serialized())
  }

  private static func failure(_ status: Int, _ code: Int64, _ message: String) -> HTTPResponse {
    let answer: JSONValue = [
      "jsonrpc": "2.0", "id": nil, "error": ["code": .integer(code), "message": .string(message)],
    ]
    return .json(status, answer.serialized())
  }

  /// A range of the endless sequence that `/bytes/` answers with: byte i is byte (i mod 8), lowest first, of the SplitMix64 mix of
  /// (i div 8). It looks random, so that a repeated, swapped or missing piece changes the digest.
  static func bytes(_ range: Range<Int>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(range.count + 8)
    var block = range.lowerBound / 8
    while block * 8 < range.upperBound {
      withUnsafeBytes(of: mix(UInt64(block)).littleEndian) { result.append(contentsOf: $0) }
      block += 1
    }
    let first = range.lowerBound % 8
    return Array(result[first..<(first + range.count)])
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var value = value &+ 0x9e37_79b9_7f4a_7c15
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
