import Testing

/// The real programs, from their binaries, with clients that the project did not write.
///
/// One test at a time: each stack is five processes, and measured times are to mean something.
@Suite("end to end", .serialized, .timeLimit(.minutes(3)))
enum EndToEnd {}
