import Testing

@testable import ControlPlane

@Suite struct NameScrubTests {
    @Test func `names are taken out of what people write in whatever script, case and form, and nothing else is`() throws {
        let scrub = NameScrub(["überwolke-labs", "Überwolke Labs", "Ørsted", "one", "gw-1", ""])
        for text in [
            "Überwolke Labs", "ÜBERWOLKE LABS", "u\u{308}berwolke-labs", "überwolke_labs", "Überwolke\nLabs", "Ørsted", "ØRSTED", "One", "GW-1",
            "gw 1",
        ] {
            #expect(scrub.clean("It was \(text)'s fault.") == "It was a capacity source's fault.")
        }
        for text in ["none of them phoned", "gw-12 and gwü-1", "Überwolkenlabs", "a\u{301}one"] { #expect(scrub.clean(text) == text) }
    }

    @Test func `other customers are taken out as such, and a single letter is no name`() {
        let scrub = NameScrub(["LL", "gpu-17.dc.example", "A"], customers: ["umbrella", "Umbrella Corp"])
        #expect(
            scrub.clean("LL lost gpu_17.dc.example in a burst of Umbrella-Corp; umbrellas do not help.")
                == "a capacity source lost a capacity source in a burst of another customer; umbrellas do not help.")
        #expect(scrub.found(in: "For UMBRELLA corp only.") == "umbrella corp" && scrub.found(in: "A switch failed; all is well.") == nil)
    }
}
