/// Who is asked to take one waiting client, in which order, and who gets it.
///
/// A state machine without clock: timers go out as actions and come back as events. Each attempt has a token of its own; the
/// first that is presented wins and makes all the others worthless. An error answer means the next party at once, silence the
/// next one while the silent one may still come. Once the hello has been handed over nothing is tried again: its first bytes
/// may be data that must not arrive twice (RFC 8446 8).
///
/// An event that comes late, twice, or about an attempt that was never made is answered with no actions.
public struct HandoverAttempts: Sendable {
  /// What has to be done now, in order.
  public enum Action: Hashable, Sendable {
    /// Draw a token for the attempt and send a notice with it to the party.
    case notify(attempt: Int, Party)
    /// Call `silenceEnded` with the attempt after this time.
    case watch(attempt: Int, for: Duration)
    /// The tokens of these attempts are worthless from now on.
    case void(attempts: [Int])
    /// The connection that presented the attempt's token gets the hello.
    case handOver(attempt: Int)
    /// Nobody is left: the client gets alert 80.
    case giveUp(GiveUp)
  }

  /// Why a client was turned away.
  public enum GiveUp: Hashable, Sendable {
    /// Nobody holds the name any more.
    case nobody
    /// Everybody who was asked answered with an error; the last of them, by attempt.
    case refused(lastAttempt: Int)
    /// The connection was lost after the hello had been handed over.
    case lostAfterHandover
  }

  private enum Attempt: Hashable, Sendable {
    /// Asked, and its token good. To: `silent`, `failed`, or won.
    case pending
    /// As `pending`, but another was asked after it.
    case silent
    /// Answered with an error: its token is void.
    case failed
  }

  private enum State: Sendable {
    /// Nobody has been asked. To: `asking`, `over`.
    case idle
    /// At least one token is good. To: `handedOver`, `over`.
    case asking([Attempt])
    /// One has presented its token. To: `over`.
    case handedOver(attempt: Int)
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
  ///   - turn: a number that grows with every client: it says who is asked first, so that clients are spread evenly.
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
      return [.void(attempts: [attempt]), .giveUp(.refused(lastAttempt: attempt))]
    }
    state = .asking(attempts)
    return [.void(attempts: [attempt])] + next
  }

  /// A watched attempt's time is over: nothing was presented. Whatever its notice was answered with, the next is asked.
  public mutating func silenceEnded(_ attempt: Int) -> [Action] {
    guard case .asking(var attempts) = state, attempts.indices.contains(attempt), attempts[attempt] == .pending else { return [] }
    let next = askNext(&attempts)
    // The last one keeps the rest of the client's time to itself.
    if !next.isEmpty { attempts[attempt] = .silent }
    state = .asking(attempts)
    return next
  }

  /// A connection has presented the attempt's token. It gets the hello only when that is among the actions.
  public mutating func tokenPresented(_ attempt: Int) -> [Action] {
    guard case .asking(let attempts) = state, attempts.indices.contains(attempt), attempts[attempt] != .failed else { return [] }
    state = .handedOver(attempt: attempt)
    let others = attempts.indices.filter { $0 != attempt && attempts[$0] != .failed }
    return (others.isEmpty ? [] : [.void(attempts: others)]) + [.handOver(attempt: attempt)]
  }

  /// The connection that got the hello is gone before a byte came back.
  public mutating func lostAfterHandover(_ attempt: Int) -> [Action] {
    guard case .handedOver(attempt) = state else { return [] }
    state = .over
    return [.giveUp(.lostAfterHandover)]
  }

  /// The client is gone, or has waited as long as it may.
  public mutating func clientGone() -> [Action] {
    defer { state = .over }
    guard case .asking(let attempts) = state else { return [] }
    return [.void(attempts: attempts.indices.filter { attempts[$0] != .failed })]
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
