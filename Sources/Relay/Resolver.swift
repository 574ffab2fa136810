import Glibc
import Synchronization

/// Turns names into addresses off the loops, in a few threads of its own.
///
/// The system's resolver blocks for as long as it likes, so its threads are never waited for: what comes too late finds
/// that its stream is gone. A name is looked up once for all who ask while that lasts, so that one that hangs keeps one
/// thread from the others. Mutable state: the names, who asks, and the number of threads, under one mutex; a semaphore
/// counts the names in the queue.
final class Resolver: Sendable {
  /// 4: as many hanging names block all others, for as long as the resolver's own timeout.
  static let maxThreads = 4
  /// Who may wait for an answer. 1024: beyond it one would come after the dial timeout anyway.
  static let maxAsking = 1024
  /// The same for one name, so that one that hangs leaves room.
  static let maxAskingForOne = 256

  typealias Answer = @Sendable (Result<[SocketAddress], LookUpFailure>) -> Void

  private struct Name: Hashable {
    let host: String
    let port: Int
  }

  private struct State {
    /// Those that no thread has taken yet, each once.
    var queue: [Name] = []
    /// Who waits for the names that are queued or being looked up.
    var asking: [Name: [Answer]] = [:]
    var askers = 0
    var threads = 0
    var idle = 0
    var isClosed = false

    mutating func forgetAll() {
      queue = []
      asking = [:]
      askers = 0
    }

    /// A name has been looked up: who wanted to know.
    mutating func answered(_ name: Name) -> [Answer] {
      let answers = asking.removeValue(forKey: name) ?? []
      askers -= answers.count
      return answers
    }
  }

  private let state = Mutex(State())
  private let available = Semaphore()

  /// Calls `answer` from a thread of the resolver. False when the queue is full or no thread can be had; then it is not
  /// called.
  func resolve(host: String, port: Int, answer: @escaping Answer) -> Bool {
    enum Outcome { case refused, attached, queued, needsThread }
    let name = Name(host: host, port: port)
    let outcome: Outcome = state.withLock { state in
      guard !state.isClosed, state.askers < Self.maxAsking, state.asking[name]?.count ?? 0 < Self.maxAskingForOne else { return .refused }
      state.askers += 1
      state.asking[name, default: []].append(answer)
      guard state.asking[name]?.count == 1 else { return .attached }
      state.queue.append(name)
      guard state.idle < state.queue.count, state.threads < Self.maxThreads else { return .queued }
      state.threads += 1
      return .needsThread
    }
    if outcome == .refused || outcome == .attached { return outcome == .attached }
    if outcome == .needsThread, !Thread.startDetached(name: "relay-resolve", { self.work() }) {
      let stranded = state.withLock { state in
        state.threads -= 1
        return state.threads == 0
      }
      // Without any thread nobody would ever look at the queue.
      if stranded {
        state.withLock { $0.forgetAll() }
        return false
      }
    }
    available.signal()
    return true
  }

  /// Lets the threads go once they are done with what they are doing; what is queued is forgotten.
  func close() {
    let threads = state.withLock { state in
      state.isClosed = true
      state.forgetAll()
      return state.threads
    }
    for _ in 0..<threads { available.signal() }
  }

  private func work() {
    while true {
      state.withLock { $0.idle += 1 }
      available.wait()
      let (name, isClosed) = state.withLock { state in
        state.idle -= 1
        return (state.queue.isEmpty ? nil : state.queue.removeFirst(), state.isClosed)
      }
      if let name {
        let found = SocketAddress.look(up: name.host, port: name.port, .name)
        for answer in state.withLock({ $0.answered(name) }) { answer(found) }
      } else if isClosed {
        return
      }
    }
  }
}

/// A POSIX semaphore.
///
/// `@unchecked Sendable`: the one stored property is a pointer that never changes, to memory that lives as long as the
/// object, and sem_post(3) and sem_wait(3) may be called from any thread.
private final class Semaphore: @unchecked Sendable {
  private let raw: UnsafeMutablePointer<sem_t>

  init() {
    raw = .allocate(capacity: 1)
    sem_init(raw, 0, 0)
  }

  deinit {
    sem_destroy(raw)
    raw.deallocate()
  }

  func signal() { sem_post(raw) }

  func wait() { while sem_wait(raw) != 0, errno == EINTR {} }
}
