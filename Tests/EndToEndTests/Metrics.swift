import Foundation
import Subprocess

/// A scrape of a program's metrics: the samples of the Prometheus text format.
struct Metrics {
  private var samples: [String: Double] = [:]

  init(parsing text: String) {
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else { continue }
      samples[String(line[..<space])] = value
    }
  }

  /// The value of a sample, named as in the text: `name{label="value"}`. Nil when there is none.
  subscript(name: String) -> Double? { samples[name] }
}

extension Stack {
  /// Asks for the metrics on `run/NAME.metrics`.
  func metrics(of name: String) async throws -> Metrics {
    let output = try await Output.of(
      "curl", ["-fsS", "--max-time", "10", "--unix-socket", "run/\(name).metrics", "http://localhost/metrics"], in: folder)
    guard output.status == .exited(0) else { throw TestFailure("metrics of \(name): \(output.errors)") }
    return Metrics(parsing: output.text)
  }
}
