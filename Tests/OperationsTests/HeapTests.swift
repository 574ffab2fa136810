import Harness
import Testing

@testable import Operations

struct HeapTests {
  /// In a process of its own, where nobody else uses memory.
  @Test(.ownThreads) func whatABurstLeftBehindIsGivenBack() async {
    await #expect(processExitsWith: .success) {
      await OwnProcess.run(minutes: 1) {
        Heap.limitArenas()
        let before = OwnProcess.residentBytes()
        var blocks = (0..<60_000).map { _ in UnsafeMutableRawPointer.allocate(byteCount: 1000, alignment: 16) }
        for block in blocks { block.initializeMemory(as: UInt8.self, repeating: 1, count: 1000) }
        // One that stays on top, as in every real burst: the heap cannot shrink from its end.
        let last = blocks.removeLast()
        for block in blocks { block.deallocate() }
        #expect(OwnProcess.residentBytes() - before > 30_000_000)
        Heap.trim()
        #expect(OwnProcess.residentBytes() - before < 10_000_000)
        last.deallocate()
      }
    }
  }
}
