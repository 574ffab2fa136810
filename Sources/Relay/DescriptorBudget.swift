/// Who gets how many of the descriptors: everybody else in the process, the pipes, and the streams what is left.
struct DescriptorBudget: Equatable {
  let pipesPerLoop: Int
  /// Two descriptors each.
  let streams: Int
  /// The first of the numbers that the loops leave to others, whatever they count: the last half of the reserve. The kernel gives the lowest
  /// that is free, so a number says how many are taken at least. Connections that show no token yet and attempts to connect are in no count of streams, and a
  /// process without any descriptor left is ended by libdispatch, which looks at the threads of its pool through `/proc`.
  let firstReserved: Int32
  /// The most that connections without a token may have: who says nothing at the token port must not keep those out that bring what clients wait for.
  let presenting: Int

  /// Where descriptors are few, at most a quarter is kept back for others and at most an eighth becomes pipes.
  init(limit: Int, reserve: Int, loops: Int, pipes: Int) {
    let loops = max(1, loops)
    pipesPerLoop = max(0, min(pipes, limit / 8 / 2 / loops))
    let reserved = min(reserve, limit / 4)
    // Each loop sets addresses aside for all of them, which a limit that means infinity must not make more than there are.
    streams = min((limit - reserved - 2 * pipesPerLoop * loops) / 2, 1 << 20)
    presenting = max(4, limit / 16)
    firstReserved = Int32(clamping: limit - reserved / 2)
  }
}
