import Addresses
import Foundation
import ProxyProtocol
import Testing

/// A parser in another language, written from the specification alone, understands every header as it was meant.
@Suite struct IndependentParserTests {
  private static let python = ["/usr/bin/python3", "/usr/local/bin/python3"].first { FileManager.default.isExecutableFile(atPath: $0) }

  private struct Meaning: Decodable, Equatable {
    var version: Int?
    var command: String?
    var family: String?
    var source: String?
    var source_port: Int?
    var destination: String?
    var destination_port: Int?
    var tlv: [String: String]?
    var error: String?
  }

  private func parse(_ headers: [[UInt8]], _ python: String) throws -> [Meaning] {
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "peer/parse_header.py").path
    let process = Process()
    process.executableURL = URL(filePath: python)
    process.arguments = [script]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    // Some ten kilobytes: less than a pipe holds.
    try input.fileHandleForWriting.write(contentsOf: Data((headers.map(hex).joined(separator: "\n") + "\n").utf8))
    try input.fileHandleForWriting.close()
    let answer = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return try answer.split(separator: UInt8(ascii: "\n")).map { try JSONDecoder().decode(Meaning.self, from: $0) }
  }

  private func hex(_ bytes: some Sequence<UInt8>) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

  @Test(.enabled(if: Self.python != nil, "needs python3"))
  func anIndependentParserUnderstandsEveryHeader() throws {
    var generator = SystemRandomNumberGenerator()
    var headers: [ProxyHeader] = [ProxyHeader(client: nil)]
    for number in 0..<40 {
      func address(_ count: Int) throws -> IPAddress {
        try #require(IPAddress(bytes: (0..<count).map { _ in UInt8.random(in: 1...255, using: &generator) }))
      }
      func endpoint(_ count: Int) throws -> ProxyHeader.Endpoint {
        ProxyHeader.Endpoint(address: try address(count), port: .random(in: 0...65_535, using: &generator))
      }
      let size = number.isMultiple(of: 2) ? 4 : 16
      headers.append(
        ProxyHeader(
          client: try endpoint(size), destination: number % 3 == 0 ? nil : try endpoint(size),
          authority: number % 5 == 0 ? nil : "n\(number).example.org",
          offeredProtocols: (0..<number % 3).map { Array("p\($0)".utf8) },
          uniqueID: (0..<number * 3).map { _ in UInt8.random(in: 0...255, using: &generator) }))
    }
    let meanings = try parse(headers.flatMap { [$0.bytes(.v1), $0.bytes(.v2)] }, try #require(Self.python))
    try #require(meanings.count == headers.count * 2)
    for (index, header) in headers.enumerated() {
      #expect(meanings[2 * index] == expected(header, version: 1))
      var second = meanings[2 * index + 1]
      // The sum is the parser's affair: it has to be there.
      #expect(second.tlv?.removeValue(forKey: "3") != nil)
      #expect(second == expected(header, version: 2))
    }
  }

  private func expected(_ header: ProxyHeader, version: Int) -> Meaning {
    var meaning = Meaning(version: version, command: "PROXY", family: "UNKNOWN")
    if let client = header.client {
      let unspecified = ProxyHeader.Endpoint(address: .unspecified(client.address.family), port: 0)
      let destination = header.destination ?? unspecified
      meaning.family = client.address.family == .v4 ? "TCP4" : "TCP6"
      (meaning.source, meaning.source_port) = ("\(client.address)", Int(client.port))
      (meaning.destination, meaning.destination_port) = ("\(destination.address)", Int(destination.port))
    }
    guard version == 2 else { return meaning }
    var fields: [String: String] = [:]
    if header.offeredProtocols.count == 1 { fields["1"] = hex(header.offeredProtocols[0]) }
    if let authority = header.authority { fields["2"] = hex(authority.utf8) }
    if !header.uniqueID.isEmpty { fields["5"] = hex(header.uniqueID) }
    meaning.tlv = fields
    return meaning
  }
}
