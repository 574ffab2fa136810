import Testing

@testable import HyperGRPC

@Suite struct ServerCallQueueTests {
  @Test func inOrderOneIsOutAndTheNextMessageIsItsAnswer() {
    var queue = ServerCallQueue(order: .inOrder, waitingLimit: 10)
    let submissions = [queue.submitted(1, id: "a"), queue.submitted(2, id: "b"), queue.submitted(3, id: "a")]
    #expect(submissions == [.send, .wait, .wait])
    let early = queue.next()
    #expect(early == nil)
    let answer = queue.answered(id: "whatever")
    #expect(answer == .answers(1))
    let next = queue.next()
    #expect(next == 2)
  }

  @Test func inOrderAnAbandonedRequestKeepsItsPlace() {
    var queue = ServerCallQueue(order: .inOrder, waitingLimit: 10)
    _ = queue.submitted(1, id: "a")
    _ = queue.submitted(2, id: "b")
    let withdrawal = queue.withdrawn(1)
    #expect(withdrawal == .placeKept)
    #expect(queue.keepsPlace(of: 1))
    let next = queue.next()
    #expect(next == nil)
    let late = queue.answered(id: "a")
    #expect(late == .late)
    #expect(!queue.keepsPlace(of: 1))
    let second = queue.next()
    #expect(second == 2)
  }

  @Test func matchedAnswersComeInAnyOrder() {
    var queue = ServerCallQueue(order: .matched(limit: 2), waitingLimit: 10)
    let submissions = [queue.submitted(1, id: "a"), queue.submitted(2, id: "b"), queue.submitted(3, id: "c")]
    #expect(submissions == [.send, .send, .wait])
    let answers = [queue.answered(id: "b"), queue.answered(id: "zzz"), queue.answered(id: "b")]
    #expect(answers == [.answers(2), .unexpected, .unexpected])
    let next = [queue.next(), queue.next()]
    #expect(next == [3, nil])
    let withdrawn = [queue.withdrawn(1), queue.withdrawn(1)]
    #expect(withdrawn == [.forgotten, .unknown])
    let last = queue.answered(id: "c")
    #expect(last == .answers(3))
    #expect(queue.isEmpty)
  }

  @Test func matchedAnIdIsOutOnlyOnce() {
    var queue = ServerCallQueue(order: .matched(limit: 1), waitingLimit: 10)
    let submissions = [queue.submitted(1, id: "a"), queue.submitted(2, id: "a"), queue.submitted(3, id: "b"), queue.submitted(4, id: "b")]
    #expect(submissions == [.send, .refuse(.duplicate), .wait, .refuse(.duplicate)])
  }

  @Test(arguments: [ServerCallQueue.Order.inOrder, .matched(limit: 1)]) func waitingIsBounded(_ order: ServerCallQueue.Order) {
    var queue = ServerCallQueue(order: order, waitingLimit: 2)
    let submissions = (1...4).map { queue.submitted(UInt64($0), id: "\($0)") }
    #expect(submissions == [.send, .wait, .wait, .refuse(.full(2))])
    let withdrawal = queue.withdrawn(2)
    #expect(withdrawal == .forgotten)
    let again = queue.submitted(5, id: "5")
    #expect(again == .wait)
  }

  @Test func aRetiredQueueTakesAnswersButNoRequests() {
    var queue = ServerCallQueue(order: .matched(limit: 1), waitingLimit: 10)
    _ = queue.submitted(1, id: "a")
    _ = queue.submitted(2, id: "b")
    let handedBack = queue.retired()
    #expect(handedBack == [2])
    let refused = queue.submitted(3, id: "c")
    #expect(refused == .refuse(.retired))
    #expect(!queue.isEmpty)
    let answer = queue.answered(id: "a")
    #expect(answer == .answers(1))
    #expect(queue.isEmpty)
  }

  @Test func answersToNothingAreNoTrouble() {
    for order in [ServerCallQueue.Order.inOrder, .matched(limit: 3)] {
      var queue = ServerCallQueue(order: order, waitingLimit: 1)
      let answer = queue.answered(id: "a")
      #expect(answer == .unexpected)
      let withdrawal = queue.withdrawn(7)
      #expect(withdrawal == .unknown)
    }
  }
}
