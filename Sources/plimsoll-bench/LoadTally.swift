/// What the customers saw.
struct LoadTally {
    var completed = 0
    var wrong = 0
    var lost = 0
    var latency = Histogram()
    var firstToken = Histogram()
    var gap = Histogram()

    func json(seconds: Double) -> String {
        "{\"completed\":\(completed),\"wrong\":\(wrong),\"lost\":\(lost),\"seconds\":\(seconds),\"latency\":\(latency.json),"
            + "\"first_token\":\(firstToken.json),\"gap\":\(gap.json)}"
    }
}
