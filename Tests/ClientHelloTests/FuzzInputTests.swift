import ClientHello
import Foundation
import Testing

/// What fuzzing found or reached, once more at every test run: inputs that broke the reader, and the corpus that covers it.
@Suite struct FuzzInputTests {
  @Test func keptInputsGiveTheSameVerdictHoweverTheyAreCut() throws {
    let inputs = try FuzzInputs.load()
    #expect(!inputs.isEmpty)
    for input in inputs {
      let whole = readVerdict(on: input)
      #expect(readVerdict(on: input, cutAt: Array(input.indices)) == whole, "\(input)")
      for step in [2, 7, 100] {
        #expect(readVerdict(on: input, cutAt: Array(stride(from: 0, to: input.count, by: step))) == whole, "\(input)")
      }
      guard case .hello(let facts) = whole else { continue }
      #expect(facts.rawBytes == facts.messageBytes + 5 * facts.recordCount)
      #expect(facts.highestVersion >= .tls10)
      #expect(readVerdict(on: Array(input.prefix(facts.rawBytes - 1))) == .needMore)
      if let name = facts.serverName { expectRoutable(name, from: input) }
    }
  }

  /// The bytes may be cut into records in the middle of the name, so only its own syntax is looked at here.
  private func expectRoutable(_ name: String, from input: [UInt8]) {
    let allowed = "abcdefghijklmnopqrstuvwxyz0123456789-_.".utf8
    #expect((1...253).contains(name.utf8.count), "\(input)")
    #expect(name.utf8.allSatisfy { allowed.contains($0) }, "\(input)")
    #expect(!name.hasPrefix(".") && !name.hasSuffix("."), "\(input)")
  }
}

private enum FuzzInputs {
  /// One input per line in hexadecimal; lines that begin with # are comments. Inputs of target `message` begin behind the
  /// message header.
  static func load() throws -> [[UInt8]] {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let folder = package.appending(path: "Fuzz/Inputs")
    var inputs: [[UInt8]] = []
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() where name.hasSuffix(".hex") {
      let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        let bytes = decode(hex: line)
        inputs.append(name.hasPrefix("message") ? records(handshake(1, bytes), size: 300) : bytes)
      }
    }
    return inputs
  }
}
