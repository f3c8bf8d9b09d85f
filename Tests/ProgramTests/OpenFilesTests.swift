import Program
import Testing

@Suite struct OpenFilesTests {
    @Test(arguments: [(20_000, 1, 1_048_576, 20_000), (20_000, 1, 1024, 512), (20_000, 2, 65_536, 20_000), (20_000, 2, 20_000, 9488), (10, 2, 2, 1)])
    func connectionsAreCutToWhatFits(_ wanted: Int, _ each: Int, _ limit: Int, _ fitting: Int) {
        #expect(OpenFiles.fitting(wanted, each: each, limit: limit) == fitting)
    }

    @Test func theBoundIsRaisedOnce() {
        let raised = OpenFiles.raiseLimit()
        #expect(raised >= 1024)
        #expect(OpenFiles.raiseLimit() == raised)
    }
}
