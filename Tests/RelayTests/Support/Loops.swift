import Glibc
import Harness

extension OwnProcess {
  /// CPU time that the threads of engines have used.
  static func loopCPU() -> Duration {
    var total = Duration.zero
    for task in entries(of: "/proc/self/task") where text(of: "/proc/self/task/\(task)/comm").hasPrefix("relay-") {
      let spent = text(of: "/proc/self/task/\(task)/schedstat").split(separator: " ").first.flatMap { Int64($0) }
      total += .nanoseconds(spent ?? 0)
    }
    return total
  }

  static func loopThreads() -> Int {
    entries(of: "/proc/self/task").count { text(of: "/proc/self/task/\($0)/comm").hasPrefix("relay-") }
  }

  /// Sockets that have asked for a connection and have no answer.
  static func attemptsUnderWay() -> Int {
    (Int32(0)..<1024).count { descriptor in
      // The state is the first byte of the facts.
      var state: UInt8 = 0
      var length = socklen_t(1)
      return getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &state, &length) == 0 && state == UInt8(TCP_SYN_SENT)
    }
  }
}
