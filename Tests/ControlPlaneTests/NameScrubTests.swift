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

    @Test func `what a model or region is called stands whole, whoever else is called so or is named in it`() {
        let scrub = NameScrub(
            ["lambda", "Lambda", "Together", "Together Large Cloud", "West Cloud", "eu"], customers: ["pro"],
            told: ["lambda", "Together Large", "eu-west", "eu", "pro", "Frankfurt (Together)"])
        for text in [
            "lambda in eu was slow for pro.", "Lambda in EU", "Together Large was slow.", "together-large", "In Frankfurt (Together) only.",
            "eu-west",
        ] {
            #expect(scrub.clean(text) == text && scrub.found(in: text) == nil, "\(text)")
        }
        #expect(scrub.clean("Together lost Together Large.") == "a capacity source lost Together Large.")
        #expect(scrub.clean("Together Large Cloud lost lambda.") == "a capacity source lost lambda.")
        #expect(scrub.clean("eu-west-cloud") == "eu-a capacity source" && scrub.found(in: "eu-west-cloud") == "west cloud")
        #expect(scrub.found(in: "Together Large, by Together") == "together")
    }
}
