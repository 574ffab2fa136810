import Glibc
import Harness
import Synchronization

@testable import Relay

/// Endless bytes whose period is a prime: whatever is lost, doubled or moved by a power of two or by pages does not match.
/// Compared by memcmp, so that a debug build checks hundreds of MiB per second.
struct Bulk: Sendable {
  private static let period = 1_000_003
  private let block: [UInt8]

  init(seed: UInt64) {
    let once = Array(Pattern.bytes(Self.period / 8 * 8 + 8, seed: seed).prefix(Self.period))
    block = once + once
  }

  /// Writes bytes number `start` and so on.
  func write(_ count: Int, from start: Int = 0, to socket: TestSocket) throws {
    var position = start
    while position < start + count {
      let offset = position % Self.period
      let length = min(Self.period, start + count - position)
      let sent = block.withUnsafeBytes { send(socket.descriptor, $0.baseAddress.map { $0 + offset }, length, Int32(MSG_NOSIGNAL)) }
      guard sent > 0 else { throw SystemFailure("write") }
      position += sent
    }
  }

  /// Writes until nothing moves for that long; how many bytes were taken.
  func fill(_ socket: TestSocket, from start: Int = 0, patience: Duration = .milliseconds(300)) throws -> Int {
    var position = start
    while true {
      var waiting = pollfd(fd: socket.descriptor, events: Int16(POLLOUT), revents: 0)
      guard poll(&waiting, 1, Int32(patience.milliseconds)) == 1 else { return position - start }
      let offset = position % Self.period
      let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
      let sent = block.withUnsafeBytes { send(socket.descriptor, $0.baseAddress.map { $0 + offset }, Self.period, flags) }
      if sent > 0 { position += sent }
    }
  }

  /// Reads `limit` bytes, or up to the end; how many came, all of them the expected ones.
  func read(_ limit: Int = .max, from start: Int = 0, of socket: TestSocket) throws -> Int {
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    var position = start
    while position - start < limit {
      let count = recv(socket.descriptor, &buffer, min(buffer.count, limit - (position - start)), 0)
      guard count >= 0 else { throw SystemFailure("read") }
      if count == 0 { break }
      let offset = position % Self.period
      let isEqual = block.withUnsafeBytes { expected in
        buffer.withUnsafeBytes { bytes in
          guard let bytes = bytes.baseAddress, let expected = expected.baseAddress else { return false }
          return memcmp(bytes, expected + offset, count) == 0
        }
      }
      guard isEqual else { throw TimedOut(description: "wrong bytes between \(position) and \(position + count)") }
      position += count
    }
    return position - start
  }

  /// Writes so many bytes here and reads them there.
  func carry(_ count: Int, from source: TestSocket, to sink: TestSocket) async throws {
    async let writing: Void = onThread { try self.write(count, to: source) }
    let read = try await onThread { try self.read(count, of: sink) }
    try await writing
    guard read == count else { throw TimedOut(description: "\(read) of \(count) bytes came") }
  }
}

/// Makes pipes and knows which of them are still open, whatever became of their numbers since.
final class PipeWatch: Sendable {
  private struct Made {
    let descriptor: Int32
    let node: ino_t
    /// Ours, of the reading end: the kernel reports there when the last writing end is closed.
    let witness: TestSocket
  }

  private let made = Mutex<[Made]>([])

  var open: @Sendable (Int) -> Pipe? {
    { size in
      guard let pipe = Pipe.open(size) else { return nil }
      let witness = TestSocket(owning: fcntl(pipe.readEnd, F_DUPFD_CLOEXEC, 3))
      self.made.withLock { $0.append(Made(descriptor: pipe.readEnd, node: Self.node(of: pipe.readEnd), witness: witness)) }
      return pipe
    }
  }

  var count: Int { made.withLock { $0.count } }

  var stillOpen: Int { made.withLock { $0.count { Self.node(of: $0.descriptor) == $0.node } } }

  /// Returns when all pipes that were made so far are closed, after a minute at most.
  func allClosed() async throws {
    let witnesses = made.withLock { $0.map(\.witness) }
    try await onThread {
      for witness in witnesses {
        // Bytes that are left inside make it readable at once; only the hang-up says that it was closed.
        var end = pollfd(fd: witness.descriptor, events: 0, revents: 0)
        guard poll(&end, 1, 60_000) == 1 else { throw TimedOut(description: "a pipe is still open") }
      }
    }
  }

  private static func node(of descriptor: Int32) -> ino_t {
    var facts = stat()
    return fstat(descriptor, &facts) == 0 ? facts.st_ino : 0
  }
}
