import Foundation
import Synchronization

/// Ends the programs that were started here, and removes their folders, even when the test run itself ends in the middle: by a crash, a kill
/// or a time limit.
///
/// A small shell outlives us. It reads from a pipe what is to be cleaned up, and cleans up when the pipe ends, which the kernel sees to.
/// `writer` is immutable; a line is one write of less than PIPE_BUF bytes, so that lines of several tests do not mix.
final class Undertaker: Sendable {
  static let shared = Undertaker()

  private let writer: FileHandle?

  /// Own process group, so that Ctrl-C at a terminal ends the tests and not their undertaker.
  private static let script = """
    trap '' INT TERM HUP
    pids= folders=
    while read -r order what; do
      case $order in
        process) pids="$pids $what" ;;
        folder) folders="$folders $what" ;;
        released) left=; for pid in $pids; do [ "$pid" = "$what" ] || left="$left $pid"; done; pids=$left ;;
        removed) left=; for folder in $folders; do [ "$folder" = "$what" ] || left="$left $folder"; done; folders=$left ;;
      esac
    done
    for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
    for folder in $folders; do case $folder in */hyper-*) rm -rf "$folder" ;; esac; done
    """

  private init() {
    let shell = Process()
    let pipe = Pipe()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["-c", Self.script]
    shell.standardInput = pipe
    do {
      try shell.run()
      writer = pipe.fileHandleForWriting
      // Whoever inherits this end would keep the pipe from ending.
      _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
    } catch {
      writer = nil  // every test still cleans up behind itself
    }
  }

  func watch(process: Int32) { tell("process \(process)") }
  func release(process: Int32) { tell("released \(process)") }
  func watch(folder: String) { tell("folder \(folder)") }
  func release(folder: String) { tell("removed \(folder)") }

  private func tell(_ line: String) {
    try? writer?.write(contentsOf: Data((line + "\n").utf8))  // see above: it is a second net
  }
}
