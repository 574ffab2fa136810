import Glibc
import Synchronization

/// Turns names into addresses off the loops, in a few threads of its own.
///
/// The system's resolver blocks for as long as it likes, so its threads are never waited for: what comes too late finds
/// that its stream is gone. Mutable state: the queue and the number of threads, under one mutex; a semaphore counts the
/// queue's entries.
final class Resolver: Sendable {
  /// 4: one hanging name server blocks as many streams at a time, for as long as the resolver's own timeout.
  static let maxThreads = 4
  /// What may wait for a thread. 1024: beyond it an answer would come after the dial timeout anyway.
  static let maxQueued = 1024

  typealias Answer = @Sendable (Result<[SocketAddress], LookUpFailure>) -> Void

  private struct Job {
    let host: String
    let port: Int
    let answer: Answer
  }

  private struct State {
    var jobs: [Job] = []
    var threads = 0
    var idle = 0
    var isClosed = false
  }

  private let state = Mutex(State())
  private let available = Semaphore()

  /// Calls `answer` from a thread of the resolver. False when the queue is full or no thread can be had; then it is not
  /// called.
  func resolve(host: String, port: Int, answer: @escaping Answer) -> Bool {
    let needsThread: Bool? = state.withLock { state in
      guard !state.isClosed, state.jobs.count < Self.maxQueued else { return nil }
      state.jobs.append(Job(host: host, port: port, answer: answer))
      guard state.idle < state.jobs.count, state.threads < Self.maxThreads else { return false }
      state.threads += 1
      return true
    }
    guard let needsThread else { return false }
    if needsThread, !Thread.startDetached(name: "relay-resolve", { self.work() }) {
      let stranded = state.withLock { state in
        state.threads -= 1
        return state.threads == 0
      }
      // Without any thread nobody would ever look at the queue.
      if stranded {
        state.withLock { $0.jobs.removeAll() }
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
      state.jobs.removeAll()
      return state.threads
    }
    for _ in 0..<threads { available.signal() }
  }

  private func work() {
    while true {
      state.withLock { $0.idle += 1 }
      available.wait()
      let (job, isClosed) = state.withLock { state in
        state.idle -= 1
        return (state.jobs.isEmpty ? nil : state.jobs.removeFirst(), state.isClosed)
      }
      if let job { job.answer(SocketAddress.look(up: job.host, port: job.port, .name)) } else if isClosed { return }
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
