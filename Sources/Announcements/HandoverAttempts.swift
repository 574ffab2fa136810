/// Who is asked to take one waiting client, and in which order.
///
/// A state machine without clock: timers go out as actions and come back as events. Each attempt has a token of its own; whoever
/// presents one first gets the client, which makes all of them worthless (that is the relay's affair). An error answer means the next
/// party at once, silence the next one while the silent one may still come. Once the client is taken nothing is tried again: its first
/// bytes may be data that must not arrive twice (RFC 8446 8).
///
/// An event that comes late, twice, or about an attempt that was never made is answered with no actions.
public struct HandoverAttempts: Sendable {
  /// What has to be done now, in order.
  public enum Action: Hashable, Sendable {
    /// Draw a token for the attempt and send a notice with it to the party.
    case notify(attempt: Int, Party)
    /// Call `silenceEnded` with the attempt after this time.
    case watch(attempt: Int, for: Duration)
    /// Nobody is left: the client gets alert 80.
    case giveUp(GiveUp)
  }

  /// Why a client was turned away.
  public enum GiveUp: Hashable, Sendable {
    /// Nobody can be asked.
    case nobody
    /// Everybody who was asked answered with an error; the last of them, by attempt.
    case refused(lastAttempt: Int)
  }

  private enum Attempt: Hashable, Sendable {
    /// Asked. To: `silent`, `failed`.
    case pending
    /// As `pending`, but another was asked after it. To: `failed`.
    case silent
    /// Answered with an error.
    case failed
  }

  private enum State: Sendable {
    /// Nobody has been asked. To: `asking`, `over`.
    case idle
    /// At least one may come. To: `over`.
    case asking([Attempt])
    /// Nothing is to be done any more.
    case over
  }

  /// Attempts for one client by default: with three, the time of a silent one is a third of what the client waits, so all
  /// three are asked in time. Error answers come quickly and may be more.
  public static let defaultMaximum = 8
  /// In how many parts the wait is cut.
  static let parts = 3

  private let parties: [Party]
  private let patience: Duration
  private var state = State.idle

  /// - Parameters:
  ///   - candidates: who can be asked (`AnnouncementTable.candidates`).
  ///   - turn: a number that differs from client to client: it says who is asked first, so that clients are spread evenly.
  ///   - acceptTimeout: how long the client waits in all. That it is over is `clientGone`.
  public init(candidates: [Party], turn: UInt64, acceptTimeout: Duration, maximum: Int = Self.defaultMaximum) {
    let start = candidates.isEmpty ? 0 : Int(turn % UInt64(candidates.count))
    parties = Array((candidates[start...] + candidates[..<start]).prefix(max(1, maximum)))
    patience = acceptTimeout / Self.parts
  }

  /// Who is asked in an attempt; nil when there are not so many.
  public func party(of attempt: Int) -> Party? {
    parties.indices.contains(attempt) ? parties[attempt] : nil
  }

  public var isOver: Bool {
    if case .over = state { true } else { false }
  }

  /// Asks the first. To be called once.
  public mutating func begin() -> [Action] {
    guard case .idle = state else { return [] }
    guard !parties.isEmpty else {
      state = .over
      return [.giveUp(.nobody)]
    }
    state = .asking([.pending])
    return ask(0)
  }

  /// The notice was answered with an error, or could not be delivered.
  public mutating func failed(_ attempt: Int) -> [Action] {
    guard case .asking(var attempts) = state, attempts.indices.contains(attempt), attempts[attempt] != .failed else { return [] }
    let wasLatest = attempts[attempt] == .pending
    attempts[attempt] = .failed
    // One that was silent already has a successor.
    let next = wasLatest ? askNext(&attempts) : []
    if next.isEmpty, attempts.allSatisfy({ $0 == .failed }) {
      state = .over
      return [.giveUp(.refused(lastAttempt: attempt))]
    }
    state = .asking(attempts)
    return next
  }

  /// A watched attempt's time is over: nobody has taken the client. Whatever its notice was answered with, the next is asked.
  public mutating func silenceEnded(_ attempt: Int) -> [Action] {
    guard case .asking(var attempts) = state, attempts.indices.contains(attempt), attempts[attempt] == .pending else { return [] }
    let next = askNext(&attempts)
    // The last one keeps the rest of the client's time to itself.
    if !next.isEmpty { attempts[attempt] = .silent }
    state = .asking(attempts)
    return next
  }

  /// Somebody has presented a token and got the client's hello, or the client is gone: there is nothing left to do.
  public mutating func settled() {
    state = .over
  }

  private func askNext(_ attempts: inout [Attempt]) -> [Action] {
    guard attempts.count < parties.count else { return [] }
    attempts.append(.pending)
    return ask(attempts.count - 1)
  }

  private func ask(_ attempt: Int) -> [Action] {
    let notify = Action.notify(attempt: attempt, parties[attempt])
    // Behind the last nobody waits to be asked.
    return attempt + 1 < parties.count ? [notify, .watch(attempt: attempt, for: patience)] : [notify]
  }
}
