/// Who gets how many of the descriptors: everybody else in the process, the pipes, and the streams what is left.
struct DescriptorBudget: Equatable {
  let pipesPerLoop: Int
  /// Two descriptors each.
  let streams: Int

  /// Where descriptors are few, at most a quarter is kept back for others and at most an eighth becomes pipes.
  init(limit: Int, reserve: Int, loops: Int, pipes: Int) {
    let loops = max(1, loops)
    pipesPerLoop = max(0, min(pipes, limit / 8 / 2 / loops))
    streams = (limit - min(reserve, limit / 4) - 2 * pipesPerLoop * loops) / 2
  }
}
