import NIOHTTP1

/// The head of a request, and who sent it.
public struct HTTPRequest: Sendable {
  public let method: String
  /// Everything in front of the query, as it was sent (nothing is decoded).
  public let path: String
  /// Nil when there is no question mark.
  public let query: String?
  public let caller: Caller
  /// The other end as log lines show it: an address, or `unix` and the user.
  public let peer: String
  private let headers: HTTPHeaders

  /// A header's value; the name counts in any case. A repeated header's values are joined with ", ".
  public func header(_ name: String) -> String? {
    let values = headers[name]
    return values.isEmpty ? nil : values.joined(separator: ", ")
  }

  init(method: String, target: String, headers: HTTPHeaders, caller: Caller, peer: String) {
    self.method = method
    let mark = target.utf8.firstIndex(of: UInt8(ascii: "?"))
    path = mark.map { String(target[..<$0]) } ?? target
    query = mark.map { String(target[target.utf8.index(after: $0)...]) }
    self.headers = headers
    self.caller = caller
    self.peer = peer
  }
}

/// An answer. The length is always known in front, so that a cut answer is never taken for a whole one.
public struct HTTPResponse: Sendable {
  public var status: Int
  public var contentType: String
  public var body: Body
  /// Whether the connection ends after this answer.
  public var closes = false
  /// Further header fields; those of the framing are written by the connection.
  var fields: [HTTPField] = []

  public enum Body: Sendable {
    case bytes([UInt8])
    /// Made while it is sent: the closure returns the bytes of a range of at most `HTTPResponse.pieceSize`, exactly as many.
    case generated(length: Int, @Sendable (Range<Int>) -> [UInt8])

    var length: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .generated(let length, _): length
      }
    }
  }

  /// Bodies are handed to the connection in pieces of this many bytes; the next one when the kernel took the last: enough to keep a
  /// loopback connection busy, little enough to hold for each of some hundred connections.
  public static let pieceSize = 256 << 10

  public init(status: Int, contentType: String, body: Body) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  /// Nothing to say (status 204): neither a body nor its length nor its type.
  public static var noContent: HTTPResponse { HTTPResponse(status: 204, contentType: "", body: .bytes([])) }

  public static func text(_ status: Int, _ text: String) -> HTTPResponse {
    HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", body: .bytes(Array(text.utf8)))
  }

  /// JSON that is serialised already.
  public static func json(_ status: Int, _ bytes: [UInt8]) -> HTTPResponse {
    HTTPResponse(status: status, contentType: "application/json; charset=utf-8", body: .bytes(bytes))
  }
}

/// A header field of an answer; the name in lower case.
struct HTTPField: Sendable, Hashable {
  var name: String
  var value: String

  init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}
