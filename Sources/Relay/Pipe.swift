import CLinux
import Glibc

/// The two ends of a pipe and how many bytes it takes. Plain numbers; the pool owns and closes them.
struct Pipe: Sendable {
  let readEnd: Int32
  let writeEnd: Int32
  let capacity: Int

  /// A pipe that takes less is not worth having. 64 KiB: what the kernel gives without being asked, and where splicing
  /// still costs less than half of copying. A user over `pipe-user-pages-soft` gets 8 KiB.
  static let smallest = 64 << 10

  /// A pipe that takes `wanted` bytes, or what an unprivileged user may have of them; nil when descriptors have run out or
  /// what is left is too small.
  static func open(_ wanted: Int) -> Pipe? {
    var ends: (Int32, Int32) = (-1, -1)
    let result = withUnsafeMutableBytes(of: &ends) { hyper_pipe($0.assumingMemoryBound(to: Int32.self).baseAddress) }
    guard result == 0, let readEnd = Descriptor(owning: ends.0), let writeEnd = Descriptor(owning: ends.1) else { return nil }
    // Refused with EPERM above `pipe-max-size` and above the user's share: what counts is the size in force.
    _ = hyper_set_pipe_size(writeEnd.number, Int32(clamping: wanted))
    let capacity = Int(hyper_pipe_size(writeEnd.number))
    guard capacity >= smallest else { return nil }
    return Pipe(readEnd: readEnd.release(), writeEnd: writeEnd.release(), capacity: min(capacity, max(wanted, smallest)))
  }

  func close() {
    Glibc.close(readEnd)
    Glibc.close(writeEnd)
  }
}
