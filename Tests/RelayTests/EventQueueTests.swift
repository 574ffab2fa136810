import Testing

@testable import Relay

@Suite(.timeLimit(.minutes(5)))
struct EventQueueTests {
  private func joined(_ number: UInt32) -> RelayEvent { .joined(StreamID(loop: 0, slot: number, generation: 1)) }

  private func news(_ numbers: UInt32...) -> RelayNews {
    var news = RelayNews()
    for number in numbers { news.append(joined(number)) }
    return news
  }

  private func ended(_ number: UInt32) -> StreamSummary {
    .neverStarted(StreamID(loop: 0, slot: number, generation: 1), .stopped, detail: "a")
  }

  private func numbers(_ events: [RelayEvent]) -> [UInt32] {
    events.compactMap { if case .joined(let stream) = $0 { stream.slot } else { nil } }
  }

  @Test func whatFindsNoRoomIsTheLastAndIsCounted() async {
    let queue = EventQueue(limit: 3)
    var first = news(1, 2)
    var second = news(3, 4, 5)
    #expect(queue.append(&first) == 0)
    #expect(queue.append(&second) == 2)
    #expect(first.isEmpty && second.isEmpty)
    #expect(queue.append(joined(6)) == false)
    #expect(numbers(await queue.take().events) == [1, 2, 3])
    #expect(queue.append(joined(7)))
  }

  @Test func theEndOfAStreamComesBehindWhatElseThereIsOfIt() async {
    let queue = EventQueue(limit: 5)
    for round in [UInt32(1), 2] {
      var batch = news(round)
      batch.append(ended(round))
      #expect(queue.append(&batch) == 0)
    }
    // Of what finds no room the ends go first: they are the last.
    var batch = news(3)
    batch.append(ended(3))
    #expect(queue.append(&batch) == 1)
    queue.finish()
    var seen: [String] = []
    for await var news in RelayEvents(queue: queue) {
      while let event = news.next() {
        switch event {
        case .joined(let stream): seen.append("joined \(stream.slot)")
        case .ended(let summary): seen.append("ended \(summary.id.slot) \(summary.detail ?? "")")
        default: Issue.record("unexpected: \(event)")
        }
      }
    }
    #expect(seen == ["joined 1", "joined 2", "joined 3", "ended 1 a", "ended 2 a"])
  }

  @Test func theReaderGetsEverythingInOrderAndThenTheEnd() async {
    let queue = EventQueue(limit: 1000)
    let reader = Task {
      var seen: [RelayEvent] = []
      for await var news in RelayEvents(queue: queue) {
        while let event = news.next() { seen.append(event) }
      }
      return seen
    }
    for number in UInt32(0)..<500 { #expect(queue.append(joined(number))) }
    queue.finish()
    #expect(queue.append(joined(500)) == false)
    #expect(numbers(await reader.value) == Array(0..<500))
  }

  @Test func aCancelledReaderIsSentAway() async {
    let queue = EventQueue(limit: 10)
    let reader = Task {
      for await _ in RelayEvents(queue: queue) {}
      return true
    }
    reader.cancel()
    #expect(await reader.value)
  }

  @Test func aSecondReaderIsSentAwayAndTheFirstOneServed() async {
    let queue = EventQueue(limit: 10)
    let readers = (0..<2).map { _ in Task { await queue.take() } }
    // One of them is sent away at once, whichever came second; the other one gets the event.
    async let both = [await readers[0].value, await readers[1].value]
    while !queue.append(joined(1)) {}
    queue.finish()
    let seen = await both.flatMap { numbers($0.events) }
    #expect(seen == [1])
  }
}
