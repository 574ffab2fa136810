import ClientHello
import Testing

@Suite struct AlertTests {
  @Test func anAlertIsOneFatalRecord() {
    #expect(TLSAlert.unrecognizedName.record == [0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 112])
    for alert in TLSAlert.allCases {
      #expect(alert.record.count == 7)
      #expect(alert.record.last == alert.rawValue)
    }
  }

  @Test func everyReasonHasWordsAndALabelOfItsOwn() {
    let reasons = HelloRefusal.Reason.allCases
    #expect(Set(reasons.map(\.description)).count == reasons.count)
    for reason in reasons {
      #expect(HelloRefusal(reason).description == reason.description)
      #expect(reason.rawValue.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "_" })
    }
  }

  @Test func onlyWhatIsNotTLSGetsNoAlert() {
    let silent = HelloRefusal.Reason.allCases.filter { HelloRefusal($0).alert == nil }
    #expect(Set(silent) == [.notTLS, .plainHTTP, .ssh, .proxyProtocol, .sslv2])
  }
}
