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
      #expect(attempts.failed(0)[0] == .notify(attempt: 1, parties[(turn + 1) % 3]))
    }
    var huge = attempts(turn: .max)
    #expect(huge.begin().count == 2)
  }

  @Test func withoutCandidatesNobodyIsAsked() {
    var attempts = attempts(0)
    #expect(attempts.begin() == [.giveUp(.nobody)])
    #expect(attempts.begin().isEmpty)
    #expect(attempts.isOver)
  }

  @Test func silenceMeansTheNextWhileTheSilentOneMayStillCome() {
    var attempts = attempts()
    #expect(attempts.begin() == notify(0))
    #expect(attempts.silenceEnded(0) == notify(1))
    #expect(attempts.silenceEnded(0).isEmpty)
    #expect(attempts.silenceEnded(1) == notify(2, last: true))
    #expect(!attempts.isOver)
  }

  @Test func anErrorAnswerMeansTheNextAtOnce() {
    var attempts = attempts()
    _ = attempts.begin()
    #expect(attempts.failed(0) == notify(1))
    #expect(attempts.failed(0).isEmpty)
    #expect(attempts.silenceEnded(0).isEmpty)
    #expect(attempts.failed(1) == notify(2, last: true))
    #expect(attempts.failed(2) == [.giveUp(.refused(lastAttempt: 2))])
    #expect(attempts.isOver)
  }

  @Test func aSingleOneThatFailsEndsIt() {
    var attempts = attempts(1)
    #expect(attempts.begin() == notify(0, last: true))
    #expect(attempts.failed(0) == [.giveUp(.refused(lastAttempt: 0))])
  }

  @Test func aSilentOneThatThenFailsIsNotReplacedTwice() {
    var attempts = attempts()
    _ = attempts.begin()
    _ = attempts.silenceEnded(0)
    #expect(attempts.failed(0).isEmpty)
    #expect(attempts.failed(1) == notify(2, last: true))
  }

  @Test func theLastSilentOneKeepsTheRestOfTheTime() {
    var attempts = attempts(2)
    _ = attempts.begin()
    _ = attempts.silenceEnded(0)
    #expect(attempts.silenceEnded(1).isEmpty)
    // All but a silent one have failed: it may still come.
    #expect(attempts.failed(1).isEmpty)
    #expect(!attempts.isOver)
    #expect(attempts.failed(0) == [.giveUp(.refused(lastAttempt: 0))])
  }

  @Test func nothingIsTriedAgainOnceTheClientIsTakenOrGone() {
    var attempts = attempts()
    _ = attempts.begin()
    attempts.settled()
    #expect(attempts.failed(0).isEmpty)
    #expect(attempts.silenceEnded(0).isEmpty)
    #expect(attempts.begin().isEmpty)
    #expect(attempts.isOver)
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
      #expect(attempts.silenceEnded(attempt).isEmpty)
    }
    _ = attempts.begin()
    for attempt in [-1, 1, 7] {
      #expect(attempts.failed(attempt).isEmpty)
      #expect(attempts.silenceEnded(attempt).isEmpty)
    }
    #expect(attempts.silenceEnded(0) == notify(1))
  }

  /// Whatever comes in whatever order: everybody is asked once at most, nobody after the end, and it ends by itself only when all have failed.
  @Test func anyOrderOfEventsAsksEachOnceAndGivesUpOnce() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      var attempts = attempts(turn: generator.next())
      var asked: Set<Int> = []
      var failed: Set<Int> = []
      var isSettled = false
      var ends = 0
      func take(_ actions: [HandoverAttempts.Action]) {
        for action in actions {
          switch action {
          case .notify(let attempt, _): #expect(!isSettled && ends == 0 && asked.insert(attempt).inserted)
          case .watch(let attempt, _): #expect(asked.contains(attempt))
          case .giveUp:
            #expect(!isSettled && failed == asked)
            ends += 1
          }
        }
      }
      take(attempts.begin())
      for _ in 0..<12 {
        let attempt = Int.random(in: 0..<3, using: &generator)
        switch Int.random(in: 0..<8, using: &generator) {
        case 0..<4:
          if asked.contains(attempt) { failed.insert(attempt) }
          take(attempts.failed(attempt))
        case 4..<7: take(attempts.silenceEnded(attempt))
        default:
          attempts.settled()
          isSettled = true
        }
      }
      #expect(ends <= 1)
      #expect(attempts.isOver == (isSettled || ends == 1))
    }
  }
}
