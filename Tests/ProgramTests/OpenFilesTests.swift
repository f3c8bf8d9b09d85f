import Program
import Testing

@Suite struct OpenFilesTests {
    @Test(arguments: [
        (20_000, 0, 1_048_576, 20_000), (20_000, 0, 1024, 512), (20_000, 100_000, 65_536, 20_000), (20_000, 100_000, 20_000, 9488),
        (20_000, 1000, 20_000, 17_976), (10_000, 1000, 20_000, 10_000), (10, 10, 2, 1),
    ])
    func connectionsAreCutToWhatFits(_ wanted: Int, _ others: Int, _ limit: Int, _ fitting: Int) {
        #expect(OpenFiles.fitting(wanted, others: others, limit: limit) == fitting)
    }

    @Test func theBoundIsRaisedOnce() {
        let raised = OpenFiles.raiseLimit()
        #expect(raised >= 1024)
        #expect(OpenFiles.raiseLimit() == raised)
    }
}
