import ClientHello
import Foundation
import Testing

/// docs/hello.md says what the reader does: each of its rows is a case here, and each refusal has a row.
@Suite struct PolicyTests {
  /// The verdict as the table words it. What a hello without a name gets is decided where names are looked up.
  private func outcome(_ verdict: HelloVerdict) -> String {
    switch verdict {
    case .needMore: return "waits for more"
    case .hello(let facts):
      guard let name = facts.serverName else { return "alert `\(TLSAlert.missingExtension)` (\(TLSAlert.missingExtension.rawValue))" }
      return "looks `\(name)` up"
    case .refused(let refusal):
      let alert = refusal.alert.map { "alert `\($0)` (\($0.rawValue))" } ?? "closed without alert"
      return "\(alert), `\(refusal.reason.rawValue)`"
    }
  }

  @Test(arguments: PolicyCase.all)
  func theTableSaysWhatTheReaderDoes(_ row: PolicyCase) throws {
    let verdict = readVerdict(on: row.bytes)
    // Columns to the right are not ours.
    let expected = "| \(row.title) | \(outcome(verdict)) | \(row.source) |"
    let isThere = try Self.document().contains("\n" + expected)
    #expect(isThere, "docs/hello.md lacks this row: \(expected)")
    let step = row.bytes.count < 30_000 ? 1 : 1000
    #expect(readVerdict(on: row.bytes, cutAt: Array(stride(from: 0, to: row.bytes.count, by: step))) == verdict)
  }

  @Test func theTableHasNoOtherRows() throws {
    let titles = Set(PolicyCase.all.map(\.title))
    #expect(titles.count == PolicyCase.all.count)
    let rows = try Self.document().split(separator: "\n").filter { $0.hasPrefix("| ") && !$0.hasPrefix("| case |") }
    for row in rows {
      let title = row.dropFirst(2).components(separatedBy: " | ")[0]
      #expect(titles.contains(title), "no case for this row: \(row)")
    }
  }

  @Test func everyRefusalHasARow() {
    var reasons = Set(HelloRefusal.Reason.allCases)
    for row in PolicyCase.all {
      if case .refused(let refusal) = readVerdict(on: row.bytes) { reasons.remove(refusal.reason) }
    }
    #expect(reasons.isEmpty)
  }

  private static func document() throws -> String {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: package.appending(path: "docs/hello.md"), encoding: .utf8)
  }
}
