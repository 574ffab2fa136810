import Testing

@testable import Relay

struct BulkPolicyTests {
  private static let buffer = 65_536

  private func bulk() -> BulkPolicy {
    var policy = BulkPolicy()
    policy.copied(Self.buffer, of: Self.buffer)
    policy.copied(Self.buffer, of: Self.buffer)
    return policy
  }

  @Test func twoFullReadsInARowAreBulk() {
    var policy = BulkPolicy()
    policy.copied(Self.buffer, of: Self.buffer)
    #expect(policy.mode == .copying)
    policy.copied(Self.buffer - 1, of: Self.buffer)
    policy.copied(Self.buffer, of: Self.buffer)
    #expect(policy.mode == .copying)
    policy.copied(Self.buffer, of: Self.buffer)
    #expect(policy.mode == .splicing)
  }

  @Test func fourDryPumpsInARowAreATrickle() {
    var policy = bulk()
    for _ in 0..<3 { policy.ranDry(after: 16_383) }
    #expect(policy.mode == .splicing)
    policy.ranDry(after: 16_384)
    for _ in 0..<3 { policy.ranDry(after: 0) }
    #expect(policy.mode == .splicing)
    policy.ranDry(after: 1)
    #expect(policy.mode == .copying)
  }

  @Test func eachChangeBeginsToCountAnew() {
    var policy = bulk()
    for _ in 0..<4 { policy.ranDry(after: 0) }
    policy.copied(Self.buffer, of: Self.buffer)
    #expect(policy.mode == .copying)
    policy.copied(Self.buffer, of: Self.buffer)
    #expect(policy.mode == .splicing)
    policy.noPipe()
    policy.copied(Self.buffer, of: Self.buffer)
    #expect(policy.mode == .copying)
  }

  @Test func withoutAPipeBulkIsCopiedAndAskedForAgain() {
    var policy = bulk()
    policy.noPipe()
    #expect(policy.mode == .copying)
    policy.copied(Self.buffer, of: Self.buffer)
    policy.copied(Self.buffer, of: Self.buffer)
    #expect(policy.mode == .splicing)
  }

  @Test func whatTheKernelCannotSpliceIsCopiedForGood() {
    for start in [BulkPolicy(), bulk()] {
      var policy = start
      policy.notSupported()
      for _ in 0..<9 { policy.copied(Self.buffer, of: Self.buffer) }
      policy.ranDry(after: 0)
      policy.noPipe()
      #expect(policy.mode == .barred)
    }
  }

  @Test func whatBelongsToTheOtherModeIsIgnored() {
    var policy = BulkPolicy()
    for _ in 0..<9 { policy.ranDry(after: 0) }
    policy.noPipe()
    #expect(policy == BulkPolicy())
    policy = bulk()
    policy.copied(1, of: Self.buffer)
    #expect(policy == bulk())
  }
}

struct DescriptorBudgetTests {
  @Test func pipesAndReserveComeOffWhatStreamsGet() {
    let budget = DescriptorBudget(limit: 20_000, reserve: 256, loops: 2, pipes: 64)
    #expect(budget.pipesPerLoop == 64)
    #expect(budget.streams == (20_000 - 256 - 256) / 2)
    #expect(budget.firstReserved == 20_000 - 128)
  }

  @Test func fewDescriptorsAreSharedInProportion() {
    let budget = DescriptorBudget(limit: 64, reserve: 256, loops: 1, pipes: 64)
    #expect(budget.pipesPerLoop == 4)
    #expect(budget.streams == (64 - 16 - 8) / 2)
    #expect(budget.firstReserved == 64 - 8)
    #expect(budget.presenting == 4)
    #expect(DescriptorBudget(limit: 64, reserve: 0, loops: 8, pipes: 64) == DescriptorBudget(limit: 64, reserve: 0, loops: 8, pipes: 0))
    #expect(DescriptorBudget(limit: 1024, reserve: 256, loops: 1, pipes: -1).pipesPerLoop == 0)
  }
}
