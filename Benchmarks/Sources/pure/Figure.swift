import Foundation

/// One measured value, and the limit it is held against where there is one.
struct Figure {
  var name: String
  var value: Double
  var unit: String
  var limit: Double?

  var isExceeded: Bool { limit.map { value > $0 } ?? false }

  var line: String {
    let digits = value < 10 ? 100.0 : 1
    let shown = (value * digits).rounded() / digits
    let judged = limit.map { isExceeded ? "  EXCEEDS \($0)" : "  (limit \($0))" } ?? ""
    return "\(name): \(digits == 1 ? "\(Int(shown))" : "\(shown)") \(unit)\(judged)"
  }
}

/// CPU time of this thread in nanoseconds: what else runs on the machine counts as little as possible.
private func cpuTime() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

/// The CPU time of the fastest of several runs, in nanoseconds.
func measure(runs: Int = 7, _ work: () -> Void) -> Double {
  var best = Double.infinity
  for _ in 0..<runs {
    let start = cpuTime()
    work()
    best = min(best, cpuTime() - start)
  }
  return best
}

/// Bytes of memory this process has in RAM.
func residentBytes() throws -> Int {
  let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
  return (pages.count > 1 ? Int(pages[1]) ?? 0 : 0) * Int(getpagesize())
}
