import Testing

@testable import Relay

struct FlowTests {
  private static let readinesses = (0..<16).map { Readiness(rawValue: $0) }

  @Test func everyStateAndReadinessHasItsStep() {
    for state in Flow.State.allCases {
      for holding in Holding.allCases {
        for mode in BulkPolicy.Mode.allCases {
          for source in Self.readinesses {
            for sink in Self.readinesses {
              let step = Flow.nextStep(state, holding, mode, source: source, sink: sink)
              #expect(step == expected(state, holding, mode, source, sink), "\(state) \(holding) \(mode) \(source) \(sink)")
            }
          }
        }
      }
    }
  }

  /// The rules in the words of the design, independent of the order in which the code asks.
  private func expected(
    _ state: Flow.State, _ holding: Holding, _ mode: BulkPolicy.Mode, _ source: Readiness, _ sink: Readiness
  ) -> PumpStep {
    let keeps = holding != .nothing
    if state == .finished || state == .broken { return .done }
    if sink.contains(.failed) { return .giveUp }
    if keeps, sink.contains(.writable) { return holding == .pipe ? .drain : .flush }
    if !keeps, state == .ending { return .passOnEnd }
    if !keeps, state == .open, source.contains(.readable), sink.contains(.writable) { return mode == .splicing ? .fill : .read }
    return source.contains(.failed) ? .giveUp : .wait
  }

  @Test func onlyADirectionWithNothingToDoIsPassedOver() {
    var kept = Flow()
    #expect([UInt8]([1]).withUnsafeBytes { kept.spill.append($0) })
    var ending = Flow()
    ending.sourceEnded()
    var finished = ending
    finished.endPassedOn()
    var broken = Flow()
    broken.broke()
    for flow in [Flow(), kept, ending, finished, broken] {
      for source in Self.readinesses {
        for sink in Self.readinesses where !flow.canMove(from: source, to: sink) {
          #expect([.wait, .done].contains(flow.nextStep(source: source, sink: sink)), "\(flow.state) \(source) \(sink)")
        }
      }
    }
    #expect(!Flow().canMove(from: .writable, to: .writable))
    kept.spill.free()
  }

  @Test func anEndIsPassedOnOnlyBehindTheLastByte() {
    var flow = Flow()
    let isKept = [UInt8]([1, 2, 3]).withUnsafeBytes { flow.spill.append($0) }
    #expect(isKept)
    flow.sourceEnded()
    #expect(flow.nextStep(source: .endSeen, sink: .writable) == .flush)
    flow.spill.consume(2)
    #expect(flow.nextStep(source: .endSeen, sink: []) == .wait)
    flow.spill.consume(1)
    #expect(flow.nextStep(source: .endSeen, sink: []) == .passOnEnd)
    flow.endPassedOn()
    #expect(flow.state == .finished)
  }

  @Test func anEndWaitsForWhatIsInThePipe() {
    var flow = Flow()
    flow.parked = 4096
    flow.sourceEnded()
    #expect(flow.nextStep(source: .endSeen, sink: []) == .wait)
    #expect(flow.nextStep(source: .endSeen, sink: .writable) == .drain)
    #expect(flow.nextStep(source: .failed, sink: []) == .giveUp)
    flow.parked = 0
    #expect(flow.nextStep(source: .endSeen, sink: []) == .passOnEnd)
  }

  @Test func lateAndRepeatedEventsAreIgnored() {
    var flow = Flow()
    flow.endPassedOn()
    #expect(flow.state == .open)
    flow.sourceEnded()
    flow.sourceEnded()
    #expect(flow.state == .ending)
    flow.endPassedOn()
    flow.sourceEnded()
    flow.broke()
    #expect(flow.state == .finished)
    var broken = Flow()
    broken.broke()
    broken.sourceEnded()
    broken.endPassedOn()
    #expect(broken.state == .broken)
  }

  @Test func socketsAreClosedWhenBothDirectionsAreOver() {
    for (up, down) in [(false, false), (true, false), (false, true)] {
      for failures in [([], []), (.failed, []), ([], .failed)] as [(Readiness, Readiness)] {
        #expect(Closing.decide(upDone: up, downDone: down, downstream: failures.0, upstream: failures.1) == .keep)
      }
    }
    #expect(Closing.decide(upDone: true, downDone: true, downstream: .writable, upstream: .endSeen) == .close)
    #expect(Closing.decide(upDone: true, downDone: true, downstream: .failed, upstream: []) == .reset(.upstream))
    #expect(Closing.decide(upDone: true, downDone: true, downstream: [], upstream: .failed) == .reset(.downstream))
    #expect(Closing.decide(upDone: true, downDone: true, downstream: .failed, upstream: .failed) == .discard)
  }
}

struct SpillTests {
  @Test func bytesComeOutInTheirOrderWhateverTheCut() {
    var spill = Spill()
    defer { spill.free() }
    var expected: [UInt8] = []
    var next: UInt8 = 0
    for round in 1..<200 {
      let piece = (0..<round % 17).map { _ -> UInt8 in
        next &+= 1
        return next
      }
      let isKept = piece.withUnsafeBytes { spill.append($0) }
      #expect(isKept)
      expected += piece
      let taken = min(expected.count, round % 13)
      #expect(Array(spill.bytes.prefix(taken)) == Array(expected.prefix(taken)))
      spill.consume(taken)
      expected.removeFirst(taken)
      #expect(spill.count == expected.count)
      #expect(spill.isEmpty == expected.isEmpty)
    }
    #expect(Array(spill.bytes) == expected)
  }

  @Test func anEmptySpillHoldsNothing() {
    var spill = Spill()
    #expect(spill.isEmpty && spill.bytes.isEmpty)
    spill.consume(5)
    spill.free()
    let isKept = [UInt8]().withUnsafeBytes { spill.append($0) }
    #expect(isKept)
    #expect(spill.isEmpty)
  }
}
