import ClientHello
import Foundation
import Testing

/// A hello that a real client sent, recorded by tools/record-hellos.sh, and what it says according to another reader.
struct RecordedHello: Sendable, CustomTestStringConvertible, Decodable {
  /// Which client, and in which circumstances.
  var title: String
  var serverName: String?
  /// Protocol ids, one character for each byte.
  var alpn: [String]
  var version: UInt16
  var ech: Bool
  var records: Int
  var messageBytes: Int
  var rawBytes: Int
  var hex: String

  var testDescription: String { title }
  /// What the client said, early data behind the hello included.
  var bytes: [UInt8] { decode(hex: hex) }

  /// The message without its record headers.
  var message: [UInt8] {
    let bytes = bytes
    var message: [UInt8] = []
    var start = 0
    while start < rawBytes {
      let end = start + 5 + (Int(bytes[start + 3]) << 8 | Int(bytes[start + 4]))
      message += bytes[start + 5..<end]
      start = end
    }
    return message
  }

  var facts: ClientHelloFacts {
    ClientHelloFacts(
      serverName: serverName, alpn: alpn.map { $0.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } },
      highestVersion: TLSVersion(rawValue: version), echPresent: ech, messageBytes: messageBytes, rawBytes: rawBytes, recordCount: records)
  }
}

extension RecordedHello {
  /// Empty when the file cannot be read, which a test of its own notices.
  static let all: [RecordedHello] = (try? load()) ?? []

  static func load() throws -> [RecordedHello] {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Recorded/hellos.jsonl")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
      try decoder.decode(RecordedHello.self, from: Data($0.utf8))
    }
  }
}
