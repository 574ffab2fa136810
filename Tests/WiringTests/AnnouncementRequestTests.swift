import Announcements
import HyperModel
import Testing
import Wiring

@Suite struct AnnouncementRequestTests {
  @Test(arguments: [JSONValue.null, .string("")])
  func anAbsentExpiryMeansForGood(expiry: JSONValue) throws {
    let request = try AnnouncementRequest.read(["domain": "a.example.org", "expires_at": expiry, "proxy": "ignored"]).get()
    #expect(request == AnnouncementRequest(domain: "a.example.org", expiresAt: nil))
  }

  @Test func theExpiryIsATime() throws {
    let request = try AnnouncementRequest.read(["domain": "a.example.org", "expires_at": "2026-11-23T01:02:03Z"]).get()
    #expect(request.expiresAt == RFC3339.parse("2026-11-23T01:02:03Z"))
  }

  @Test(
    arguments: [
      (["expires_at": nil], "domain"), (["domain": ""], "domain"), (["domain": 5], "domain"),
      (["domain": "a.b", "expires_at": "tomorrow"], "expires_at"), (["domain": "a.b", "expires_at": 7], "expires_at"),
      (["domain": "a.b", "shared_with": "c"], "shared_with"), (["domain": "a.b", "shared_with": [1]], "shared_with"),
      (["domain": "a.b", "offline": "yes"], "offline"),
    ] as [(JSONValue, String)])
  func badMembersAreNamed(item: JSONValue, member: String) throws {
    guard case .failure(let failure) = AnnouncementRequest.read(item) else {
      Issue.record("was accepted")
      return
    }
    #expect(failure.json["data"]?[member] != nil)
  }

  @Test func whatIsWrittenIsReadAsItWas() throws {
    let requests = [
      AnnouncementRequest(domain: "a.example.org"),
      AnnouncementRequest(
        domain: "*.example.org", expiresAt: RFC3339.parse("2026-11-23T01:02:03Z"), sharedWith: ["b", "a"], isOffline: true),
    ]
    for request in requests { #expect(try AnnouncementRequest.read(request.json).get() == request) }
    // A public proxy of the reference sees what it always saw.
    #expect(requests[0].json == ["domain": "a.example.org", "expires_at": nil])
  }

  @Test func whatACallSaysBesidesItsNamesIsReadAsItWas() throws {
    let calls = [
      AnnouncementCall(),
      AnnouncementCall(instance: InstanceID("one"), node: "n", interval: 30, complete: .whole, isStopping: true),
      AnnouncementCall(complete: NameRange(from: "b", below: "c"), order: CallOrder(run: "r", number: 7)),
    ]
    for call in calls { #expect(try AnnouncementCall(call.params([])) == call) }
    #expect(calls[0].params([]) == ["connections": []])
    #expect(try AnnouncementCall(["node": 5, "every": 0, "all": "yes", "stopping": 1]) == AnnouncementCall())
    #expect(try AnnouncementCall(["all": [:], "run": "", "number": 1]) == AnnouncementCall())
    #expect(try AnnouncementCall(["run": .string(String(repeating: "a", count: 65)), "number": 1]) == AnnouncementCall())
    for instance in [5, "", "a b"] as [JSONValue] {
      let fault = #expect(throws: CallFault.self) { try AnnouncementCall(["instance": instance]) }
      #expect(fault?.code == -32602)
    }
  }

  @Test func whatIsNoMapIsRefused() {
    guard case .failure = AnnouncementRequest.read("a.b") else {
      Issue.record("was accepted")
      return
    }
  }

  @Test func domainsComeFromTheSettingsTowardsThisProxy() throws {
    var entry = DirectoryEntry(name: "private-proxy-1")
    entry.settings = [
      .init(operatorName: "other", service: "proxy", settings: ["allowed_domains": [".other.org"]]),
      .init(service: "proxy", settings: ["allowed_domains": [".example.org"]]),
    ]
    #expect(try AllowedDomains.read(of: entry, at: "public-proxy-1").suffixes == [".example.org"])
    #expect(try AllowedDomains.read(of: entry, at: "other").suffixes == [".other.org"])
  }

  @Test func missingAndBrokenSettingsAreToldApart() {
    var entry = DirectoryEntry(name: "private-proxy-1")
    #expect(throws: CallFault.self) { try AllowedDomains.read(of: entry, at: "p") }
    entry.settings = [.init(service: "proxy", settings: ["allowed_domains": "not a list"])]
    do throws(CallFault) {
      _ = try AllowedDomains.read(of: entry, at: "p")
      Issue.record("was accepted")
    } catch {
      #expect(error.code == 500)
    }
  }
}
