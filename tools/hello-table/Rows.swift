import ClientHello
import Foundation

/// Prints the rows of docs/hello.md as the unit tests have them, one JSON object per line: which table, title, source, what
/// our reader says, and the bytes. Compiled by tools/hello-table.sh together with the tests' own files.
@main
enum Rows {
  private struct Row: Encodable {
    var table: String
    var title: String
    var source: String
    var verdict: String
    var hex: String
  }

  static func main() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    for (table, cases) in PolicyCase.tables {
      for row in cases {
        let hex = row.bytes.map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
        let line = Row(table: table, title: row.title, source: row.source, verdict: readVerdict(on: row.bytes).asInTable, hex: hex)
        print(String(decoding: try encoder.encode(line), as: UTF8.self))
      }
    }
  }
}
