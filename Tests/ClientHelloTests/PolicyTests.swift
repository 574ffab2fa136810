import ClientHello
import Foundation
import Testing

/// docs/hello.md says what the reader does: each of its rows is a case here, and each refusal has a row.
@Suite struct PolicyTests {
  @Test(arguments: PolicyCase.all)
  func theTableSaysWhatTheReaderDoes(_ row: PolicyCase) throws {
    let verdict = readVerdict(on: row.bytes)
    // Columns to the right are not ours.
    let expected = "| \(row.title) | \(verdict.asInTable) | \(row.source) |"
    let isThere = try Self.document().contains("\n" + expected)
    #expect(isThere, "docs/hello.md lacks this row: \(expected)")
    let step = row.bytes.count < 30_000 ? 1 : 1000
    #expect(readVerdict(on: row.bytes, cutAt: Array(stride(from: 0, to: row.bytes.count, by: step))) == verdict)
  }

  @Test func theTableHasNoOtherRows() throws {
    let titles = Set(PolicyCase.all.map(\.title))
    #expect(titles.count == PolicyCase.all.count)
    for (table, cases) in PolicyCase.tables {
      let section = try Self.document().components(separatedBy: "<!-- \(table) -->\n").last?.components(separatedBy: "<!-- end").first
      let rows = try #require(section).split(separator: "\n").filter { !$0.hasPrefix("| case |") && !$0.hasPrefix("|--") }
      #expect(rows.map { $0.dropFirst(2).components(separatedBy: " | ")[0] } == cases.map(\.title))
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
