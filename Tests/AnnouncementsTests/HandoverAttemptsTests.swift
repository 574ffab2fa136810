import Announcements
import HyperModel
import Testing

/// Who is asked to take a client, and who gets it: every state with every event.
@Suite struct HandoverAttemptsTests {
  private let parties = ["a", "b", "c"].map { Party(OperatorName($0)) }
  private let third: Duration = .seconds(3)

  private func attempts(_ count: Int = 3, turn: UInt64 = 0, maximum: Int = 8) -> HandoverAttempts {
    HandoverAttempts(candidates: Array(parties.prefix(count)), turn: turn, acceptTimeout: .seconds(9), maximum: maximum)
  }

  private func notify(_ attempt: Int, last: Bool = false) -> [HandoverAttempts.Action] {
    [.notify(attempt: attempt, parties[attempt])] + (last ? [] : [.watch(attempt: attempt, for: third)])
  }

  @Test func clientsAreSpreadOverAll() {
    for turn in 0..<6 {
      var attempts = attempts(turn: UInt64(turn))
      #expect(attempts.begin().first == .notify(attempt: 0, parties[turn % 3]))
      #expect((0..<4).map { attempts.party(of: $0) } == [parties[turn % 3], parties[(turn + 1) % 3], parties[(turn + 2) % 3], nil])
      #expect(attempts.failed(0)[1] == .notify(attempt: 1, parties[(turn + 1) % 3]))
    }
    var huge = attempts(turn: .max)
    #expect(huge.begin().count == 2)
  }

  @Test func withoutCandidatesNobodyIsAsked() {
    var attempts = attempts(0)
    #expect(attempts.begin() == [.giveUp(.nobody)])
    #expect(attempts.begin().isEmpty)
    #expect(attempts.clientGone().isEmpty)
  }

  @Test func theFirstValidTokenWinsAndTheOthersAreWorthless() {
    var attempts = attempts()
    #expect(attempts.begin() == notify(0))
    #expect(attempts.silenceEnded(0) == notify(1))
    #expect(attempts.silenceEnded(1) == notify(2, last: true))
    // The first was slow, not dead.
    #expect(attempts.tokenPresented(0) == [.void(attempts: [1, 2]), .handOver(attempt: 0)])
    for attempt in 0..<3 { #expect(attempts.tokenPresented(attempt).isEmpty) }
  }

  @Test func anErrorAnswerMeansTheNextAtOnce() {
    var attempts = attempts()
    _ = attempts.begin()
    #expect(attempts.failed(0) == [.void(attempts: [0])] + notify(1))
    #expect(attempts.failed(0).isEmpty)
    #expect(attempts.silenceEnded(0).isEmpty)
    #expect(attempts.tokenPresented(0).isEmpty)
    #expect(attempts.failed(1) == [.void(attempts: [1])] + notify(2, last: true))
    #expect(attempts.failed(2) == [.void(attempts: [2]), .giveUp(.refused(lastAttempt: 2))])
    #expect(attempts.tokenPresented(2).isEmpty)
    #expect(attempts.clientGone().isEmpty)
  }

  @Test func aSingleOneThatFailsEndsIt() {
    var attempts = attempts(1)
    #expect(attempts.begin() == notify(0, last: true))
    #expect(attempts.failed(0) == [.void(attempts: [0]), .giveUp(.refused(lastAttempt: 0))])
  }

  @Test func aSilentOneThatThenFailsIsNotReplacedTwice() {
    var attempts = attempts()
    _ = attempts.begin()
    _ = attempts.silenceEnded(0)
    #expect(attempts.silenceEnded(0).isEmpty)
    #expect(attempts.failed(0) == [.void(attempts: [0])])
    #expect(attempts.tokenPresented(1) == [.handOver(attempt: 1)])
  }

  @Test func theLastSilentOneKeepsTheRestOfTheTime() {
    var attempts = attempts(2)
    _ = attempts.begin()
    _ = attempts.silenceEnded(0)
    #expect(attempts.silenceEnded(1).isEmpty)
    // All but a silent one have failed: it may still come.
    #expect(attempts.failed(1) == [.void(attempts: [1])])
    #expect(attempts.tokenPresented(0) == [.handOver(attempt: 0)])
  }

  @Test func allSilentOnesFailingEndsIt() {
    var attempts = attempts(2)
    _ = attempts.begin()
    _ = attempts.silenceEnded(0)
    _ = attempts.failed(1)
    #expect(attempts.failed(0) == [.void(attempts: [0]), .giveUp(.refused(lastAttempt: 0))])
  }

  @Test func nothingIsTriedAgainOnceTheHelloIsHandedOver() {
    var attempts = attempts()
    _ = attempts.begin()
    #expect(attempts.tokenPresented(0) == [.handOver(attempt: 0)])
    #expect(attempts.failed(0).isEmpty)
    #expect(attempts.silenceEnded(0).isEmpty)
    #expect(attempts.lostAfterHandover(1).isEmpty)
    #expect(attempts.lostAfterHandover(0) == [.giveUp(.lostAfterHandover)])
    #expect(attempts.lostAfterHandover(0).isEmpty)
  }

  @Test func aClientThatIsGoneMakesAllTokensWorthless() {
    var attempts = attempts()
    _ = attempts.begin()
    _ = attempts.failed(0)
    _ = attempts.silenceEnded(1)
    #expect(attempts.clientGone() == [.void(attempts: [1, 2])])
    #expect(attempts.tokenPresented(1).isEmpty)
    #expect(attempts.failed(1).isEmpty)
    #expect(attempts.clientGone().isEmpty)
  }

  @Test func theNumberOfAttemptsIsBounded() {
    var attempts = attempts(maximum: 2)
    _ = attempts.begin()
    #expect(attempts.failed(0).last == .notify(attempt: 1, parties[1]))
    #expect(attempts.failed(1).last == .giveUp(.refused(lastAttempt: 1)))
  }

  @Test func eventsOfAttemptsThatWereNeverMadeChangeNothing() {
    var attempts = attempts()
    for attempt in [-1, 0, 1, 7] {
      #expect(attempts.failed(attempt).isEmpty)
      #expect(attempts.tokenPresented(attempt).isEmpty)
    }
    _ = attempts.begin()
    for attempt in [-1, 1, 7] {
      #expect(attempts.failed(attempt).isEmpty)
      #expect(attempts.silenceEnded(attempt).isEmpty)
      #expect(attempts.tokenPresented(attempt).isEmpty)
      #expect(attempts.lostAfterHandover(attempt).isEmpty)
    }
    #expect(attempts.tokenPresented(0) == [.handOver(attempt: 0)])
  }

  /// Whatever comes in whatever order: at most one gets the hello, never one whose token is void, and nobody is asked after that.
  @Test func anyOrderOfEventsHandsOverAtMostOnce() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      var attempts = attempts(turn: generator.next())
      var actions = attempts.begin()
      for _ in 0..<12 {
        let attempt = Int.random(in: 0..<3, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: actions += attempts.failed(attempt)
        case 1: actions += attempts.silenceEnded(attempt)
        case 2: actions += attempts.tokenPresented(attempt)
        case 3: actions += attempts.lostAfterHandover(attempt)
        default: actions += Int.random(in: 0..<8, using: &generator) == 0 ? attempts.clientGone() : []
        }
      }
      var void: Set<Int> = []
      var asked: Set<Int> = []
      var ends = 0
      for action in actions {
        switch action {
        case .notify(let attempt, _):
          #expect(ends == 0 && asked.insert(attempt).inserted)
        case .watch: break
        case .void(let attempts):
          for attempt in attempts { #expect(asked.contains(attempt) && void.insert(attempt).inserted) }
        case .handOver(let attempt):
          #expect(!void.contains(attempt) && asked.contains(attempt))
          ends += 1
        case .giveUp(.lostAfterHandover): #expect(ends == 1)
        case .giveUp:
          #expect(void == asked)
          ends += 1
        }
      }
      #expect(ends <= 1)
    }
  }
}
