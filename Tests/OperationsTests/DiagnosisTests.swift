import Testing

@testable import Operations

struct DiagnosisTests {
  @Test func aStartFailureIsOneLineWithItsHintAndStatus() {
    let failure = StartFailure("port 4433 is in use", hint: "stop the other process", status: ExitStatus.badUsage)
    let diagnosis = Diagnosis(of: failure)
    #expect(diagnosis.text(program: "proxy") == "proxy: port 4433 is in use (stop the other process)\n")
    #expect(diagnosis.status == 2)
  }

  @Test func anErrorOfManyLinesPrintsEachWithTheProgramsName() {
    struct Problems: DiagnosableError {
      let lines = ["a.yml:1:2: x: expected text", "b.yml:3:4: y: unknown key"]
      let status = ExitStatus.badUsage
    }
    #expect(Diagnosis(of: Problems()).text(program: "hyper") == "hyper: a.yml:1:2: x: expected text\nhyper: b.yml:3:4: y: unknown key\n")
  }

  @Test func anUnknownErrorSaysThatItWasNotExpected() {
    struct Odd: Error {}
    #expect(Diagnosis(of: Odd()) == Diagnosis(lines: ["unexpected error: Odd()"], status: 1))
    #expect(Diagnosis(of: CancellationError()).status == 1)
  }

  @Test func textInAMessageCannotForgeALine() {
    #expect(Diagnosis(of: StartFailure("a\nb")).text(program: "p") == "p: a\\nb\n")
  }
}

extension Diagnosis {
  init(lines: [String], status: Int32) {
    self.init(of: StartFailure("", status: status))
    self.lines = lines
  }
}
