import ClientHello
import Foundation
import Testing

/// The recordings of public test suites, when they are at hand: one JSON object per line.
@Suite(.enabled(if: PublicVectors.isPresent, "hellos.jsonl is not there; HYPER_VECTORS names its folder"))
struct PublicVectorTests {
  @Test func theNameIsTheOneAStrictReaderFinds() throws {
    let vectors = try PublicVectors.load()
    #expect(!vectors.isEmpty)
    for vector in vectors {
      let bytes = decode(hex: vector.hex)
      let verdict = readVerdict(on: bytes)
      if vector.namesAnAddress {
        #expect(verdict == .refused(HelloRefusal(.addressLiteral)), "\(vector.src)")
      } else if vector.isCleanHello {
        guard case .hello(let facts) = verdict else {
          Issue.record("\(vector.src): \(verdict)")
          continue
        }
        #expect(facts.serverName == vector.sni_ref?.lowercased(), "\(vector.src)")
        if let alpn = vector.alpn { #expect(facts.alpn.map { String(decoding: $0, as: UTF8.self) } == alpn, "\(vector.src)") }
      } else if case .hello(let facts) = verdict, let name = facts.serverName {
        #expect(name == vector.sni_ref?.lowercased(), "\(vector.src)")
      }
    }
  }

  @Test func everySegmentationGivesTheSame() throws {
    for vector in try PublicVectors.load() {
      let bytes = decode(hex: vector.hex)
      let whole = readVerdict(on: bytes)
      #expect(readVerdict(on: bytes, cutAt: Array(bytes.indices)) == whole, "\(vector.src)")
      #expect(bytes.indices.first { readVerdict(on: bytes, cutAt: [$0]) != whole } == nil, "\(vector.src) cut there was another")
    }
  }
}

private enum PublicVectors {
  struct Vector: Decodable {
    var src: String
    var hex: String
    var sni_ref: String?
    var alpn: [String]?
    var remarks: [String]?
    /// Present where the recording is not a complete hello.
    var note: String?

    /// RFC 6066 3 forbids addresses; the reference reader did not mind.
    var namesAnAddress: Bool { sni_ref.map { $0.allSatisfy { $0.isNumber || $0 == "." } } ?? false }
    var isCleanHello: Bool { note == nil && remarks?.isEmpty == true }
  }

  static var file: URL {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let folder = ProcessInfo.processInfo.environment["HYPER_VECTORS"].map { URL(filePath: $0) }
    return (folder ?? package.appending(path: "../shared/vectors")).appending(path: "hellos.jsonl")
  }

  static var isPresent: Bool { FileManager.default.isReadableFile(atPath: file.path) }

  static func load() throws -> [Vector] {
    let text = try String(contentsOf: file, encoding: .utf8)
    return try text.split(separator: "\n").map { try JSONDecoder().decode(Vector.self, from: Data($0.utf8)) }
  }
}
