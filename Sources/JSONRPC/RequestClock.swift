/// How long a client may take for each step of a request: a value that is stepped by what happens on one connection.
///
/// Times are nanoseconds of one monotonic clock and come in as arguments. While we work on a request the client owes nothing, so
/// nothing runs but the clock of an answer's piece that the client does not take.
struct RequestClock {
  struct Limits: Hashable, Sendable {
    var head: UInt64
    var body: UInt64
    var stall: UInt64
    var idle: UInt64
  }

  /// What the client was too slow with.
  enum Cause: String, Hashable, Sendable, CaseIterable {
    case head = "no request head in time"
    case body = "request body not complete in time"
    case stall = "pause inside of a request body"
    case answer = "answer not taken"
    case idle = "idle"
  }

  enum Verdict: Equatable {
    /// Nothing is due before this time.
    case wait(until: UInt64)
    /// Nothing is due at all until something happens.
    case rest
    case close(Cause)
  }

  /// What a request to stop means for the connection.
  enum Drain: Equatable {
    case closeNow
    case finishFirst
  }

  private enum Reading {
    /// Between requests, since the given time; `first` when there was none yet.
    case head(since: UInt64, first: Bool)
    /// Inside of a request; may be one that waits behind an unanswered one.
    case body(since: UInt64, lastPiece: UInt64)
  }

  private let limits: Limits
  private var reading: Reading
  /// Requests whose head arrived and whose answer has not ended.
  private var unanswered = 0
  private var unwritten = 0
  private var lastWrite: UInt64 = 0

  init(_ limits: Limits, now: UInt64) {
    self.limits = limits
    reading = .head(since: now, first: true)
  }

  mutating func headArrived(now: UInt64) {
    unanswered += 1
    reading = .body(since: now, lastPiece: now)
  }

  mutating func bodyArrived(now: UInt64) {
    guard case .body(let since, _) = reading else { return }
    reading = .body(since: since, lastPiece: now)
  }

  mutating func requestEnded(now: UInt64) {
    reading = .head(since: now, first: false)
  }

  mutating func answerEnded(now: UInt64) {
    unanswered = max(0, unanswered - 1)
    switch reading {
    case .head: reading = .head(since: now, first: false)
    case .body:
      // A request that was waiting behind this one: its time begins now. Otherwise it is this one, answered before it was read.
      if unanswered > 0 { reading = .body(since: now, lastPiece: now) }
    }
  }

  mutating func writeBegan(now: UInt64) {
    if unwritten == 0 { lastWrite = now }
    unwritten += 1
  }

  mutating func writeEnded(now: UInt64) {
    unwritten = max(0, unwritten - 1)
    lastWrite = now
  }

  /// An idle connection can be closed at once; one in the middle of a request is answered first.
  func drain() -> Drain {
    switch reading {
    case .head: unanswered == 0 ? .closeNow : .finishFirst
    case .body: .finishFirst
    }
  }

  func verdict(now: UInt64) -> Verdict {
    let due = dues.min { $0.time < $1.time }
    guard let due else { return .rest }
    return due.time <= now ? .close(due.cause) : .wait(until: due.time)
  }

  private var dues: [(time: UInt64, cause: Cause)] {
    var dues: [(time: UInt64, cause: Cause)] = []
    if unwritten > 0 { dues.append((lastWrite + limits.stall, .answer)) }
    switch reading {
    case .head(let since, true): dues.append((since + limits.head, .head))
    case .head(let since, false):
      if unanswered == 0 { dues.append((since + limits.idle, .idle)) }
    case .body(let since, let lastPiece):
      // Behind an unanswered request it is we who do not read.
      if unanswered <= 1 {
        dues.append((since + limits.body, .body))
        dues.append((lastPiece + limits.stall, .stall))
      }
    }
    return dues
  }
}
