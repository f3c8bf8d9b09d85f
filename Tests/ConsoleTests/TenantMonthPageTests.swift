import PlimsollWire
import Testing

@testable import Console

@Suite struct TenantMonthPageTests {
    @Test func `a month shows figures, causes, credits with their arithmetic and how to check them`() {
        let page = TenantMonthPage(TenantMonthFixture.full).html
        for part in [
            "Acme &amp; Sons, Jan 2030", "99.95 %", "1,240,000", "Deployment", "Unexpected", "Server errors", "12 Jan 2030, 10:03", "New disks",
            "USD 25.05", "44,640 minutes agreed, 60 left out, 67 of the other 44,580 bad (46 of them unmeasured)", "USD 501.0005", "at most 25 %",
            "plimsoll verify acme-2030-01.evidence", "0af30af3", "all customers of the plan",
            "As your contract has this month, in Asia/Tokyo (31 Dec 2029, 15:00 to 31 Jan 2030, 15:00): uptime 99.82 %, 81 bad minutes.", "8.30 s",
            "Subscribed from 1 Jan 2030, 00:00 to 9 Jan 2030, 12:00; from 11 Jan 2030, 00:00 to 1 Feb 2030, 00:00.", "21 ms", "Streams that broke",
            "Minutes felt", "Minutes with failures of yours",
            "<dt>Batch answers by their deadline</dt><dd>99.996 % (49,998 of 50,000)</dd>", "<dt>Batch answers later</dt><dd>1</dd>",
            "<td class=\"number\">17</td>",
            "<li><strong>12 Jan 2030</strong> 98.54 % of 1,440 minutes were good, 21 bad</li>",
        ] {
            #expect(page.contains(part), "\(part)")
        }
        #expect(page.contains("&lt;b&gt;their line&lt;/b&gt;") && !page.contains("<script"))
    }

    @Test func `a month whose requests are not kept any more shows none, and its minutes`() {
        var month = TenantMonthFixture.full
        month.countsKept = false
        let page = TenantMonthPage(month).html
        #expect(page.contains("is not kept any more") && page.contains("99.95 %") && !page.contains("Requests answered"))
    }

    @Test func `a month without anything says so`() {
        let page = TenantMonthPage(TenantMonthFixture.empty).html
        for part in [
            "Nothing is measured yet", "not complete", "None in this month", "Nothing was left out", "when the month is over",
            "No minute of this month",
        ] {
            #expect(page.contains(part), "\(part)")
        }
    }

    @Test func `the rate of refusals is of all requests, whoever was to blame for them`() {
        var month = TenantMonthFixture.full
        for index in month.series[0].days.indices {
            (month.series[0].days[index].good, month.series[0].days[index].bad) = (0, 90)
            (month.series[0].days[index].excluded, month.series[0].days[index].refused) = (10, 100)
        }
        #expect(TenantMonthPage(month).html.contains("429 rate, by day: refused requests 100 % last, 100 % to 100 %"))
    }
}
