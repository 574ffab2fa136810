/// Builds Prometheus text: families by name, series in the order of their labels.
struct Exposition {
  private struct Family {
    var header: String
    /// Series key (labels without `le`) to its lines, so that the buckets of a histogram stay together and in order.
    var series: [String: [String]] = [:]
  }

  private var families: [String: Family] = [:]

  /// Opens a family; the first declaration of a name counts.
  mutating func declare(_ name: String, kind: String, help: String) {
    guard families[name] == nil else { return }
    families[name] = Family(header: "# HELP \(name) \(Self.escapedHelp(help))\n# TYPE \(name) \(kind)\n")
  }

  mutating func add(_ name: String, labels: [String: String], value: Double) {
    let rendered = Self.rendered(labels)
    families[name]?.series[rendered] = ["\(name)\(rendered) \(Self.number(value))"]
  }

  mutating func add(_ name: String, labels: [String: String], histogram: Histogram) {
    let counts = histogram.snapshot
    add(name, labels: labels, bounds: histogram.bounds, counts: counts.buckets, sum: counts.sum)
  }

  mutating func add(_ name: String, labels: [String: String], bounds: [Double], counts: [UInt64], sum: Double) {
    let rendered = Self.rendered(labels)
    var lines: [String] = []
    var total: UInt64 = 0
    for (position, bound) in (bounds + [.infinity]).enumerated() {
      total += counts.indices.contains(position) ? counts[position] : 0
      let bucket = Self.rendered(labels, last: ("le", Self.number(bound)))
      lines.append("\(name)_bucket\(bucket) \(total)")
    }
    lines.append("\(name)_sum\(rendered) \(Self.number(sum))")
    lines.append("\(name)_count\(rendered) \(total)")
    families[name]?.series[rendered] = lines
  }

  var text: String {
    families.sorted { $0.key < $1.key }.map { _, family in
      family.header + family.series.sorted { $0.key < $1.key }.flatMap(\.value).map { $0 + "\n" }.joined()
    }.joined()
  }

  static func isName(_ text: String) -> Bool {
    isIdentifier(text, extra: [UInt8(ascii: "_"), UInt8(ascii: ":")])
  }

  /// Names that begin with two underscores are Prometheus' own.
  static func isLabelName(_ text: String) -> Bool {
    isIdentifier(text, extra: [UInt8(ascii: "_")]) && !text.hasPrefix("__")
  }

  private static func isIdentifier(_ text: String, extra: Set<UInt8>) -> Bool {
    func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || extra.contains(byte) }
    guard let first = text.utf8.first, isLetter(first) else { return false }
    return text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
  }

  private static func rendered(_ labels: [String: String], last: (String, String)? = nil) -> String {
    var pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escapedValue($0.value))\"" }
    if let last { pairs.append("\(last.0)=\"\(last.1)\"") }
    return pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
  }

  private static func escapedValue(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func escapedHelp(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return Int64(exactly: value).map(String.init) ?? "\(value)"
  }
}
