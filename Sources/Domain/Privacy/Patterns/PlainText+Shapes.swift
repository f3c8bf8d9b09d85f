extension PlainText {
    /// Letters, digits and signs that are another one in another shape: compatibility mappings (NFKC) of Unicode 14 from one scalar to one that is
    /// ASCII, and those of half-width and full-width forms. "first+count target" in hexadecimal, a range onto a range.
    static let shapes = """
        aa 61,b2+2 32,b9 31,ba 6f,17f 73,2b0 68,2b2 6a,2b3 72,2b7 77,2b8 79,2e1 6c,2e2 73,2e3 78,1d2c 41,1d2e 42,1d30+2 44,1d33+8 47,1d3c 4f,
        1d3e 50,1d3f 52,1d40+2 54,1d42 57,1d43 61,1d47 62,1d48+2 64,1d4d 67,1d4f 6b,1d50 6d,1d52 6f,1d56 70,1d57+2 74,1d5b 76,1d62 69,1d63 72,
        1d64+2 75,1d9c 63,1da0 66,1dbb 7a,2024 2e,2070 30,2071 69,2074+6 34,207a 2b,207c 3d,207d+2 28,207f 6e,2080+a 30,208a 2b,208c 3d,
        208d+2 28,2090 61,2091 65,2092 6f,2093 78,2095 68,2096+4 6b,209a 70,209b+2 73,2102 43,210a 67,210b 48,210c 48,210d 48,210e 68,2110 49,
        2111 49,2112 4c,2113 6c,2115 4e,2119+3 50,211c 52,211d 52,2124 5a,2128 5a,212c+2 42,212f 65,2130+2 45,2133 4d,2134 6f,2139 69,2145 44,
        2146+2 64,2148+2 69,2160 49,2164 56,2169 58,216c 4c,216d+2 43,216f 4d,2170 69,2174 76,2179 78,217c 6c,217d+2 63,217f 6d,2460+9 31,
        24b6+1a 41,24d0+1a 61,24ea 30,2c7c 6a,2c7d 56,a7f2 43,a7f3 46,a7f4 51,fb29 2b,fe10 2c,fe13+2 3a,fe15 21,fe16 3f,fe33 5f,fe34 5f,
        fe35+2 28,fe37 7b,fe38 7d,fe47 5b,fe48 5d,fe4d 5f,fe4e 5f,fe4f 5f,fe50 2c,fe52 2e,fe54 3b,fe55 3a,fe56 3f,fe57 21,fe59+2 28,fe5b 7b,
        fe5c 7d,fe5f 23,fe60 26,fe61+2 2a,fe63 2d,fe64 3c,fe65 3e,fe66 3d,fe68 5c,fe69+2 24,fe6b 40,ff01+5e 21,ff5f+2 2985,ff61 3002,
        ff62+2 300c,ff64 3001,ff65 30fb,ff66 30f2,ff67 30a1,ff68 30a3,ff69 30a5,ff6a 30a7,ff6b 30a9,ff6c 30e3,ff6d 30e5,ff6e 30e7,ff6f 30c3,
        ff70 30fc,ff71 30a2,ff72 30a4,ff73 30a6,ff74 30a8,ff75+2 30aa,ff77 30ad,ff78 30af,ff79 30b1,ff7a 30b3,ff7b 30b5,ff7c 30b7,ff7d 30b9,
        ff7e 30bb,ff7f 30bd,ff80 30bf,ff81 30c1,ff82 30c4,ff83 30c6,ff84 30c8,ff85+6 30ca,ff8b 30d2,ff8c 30d5,ff8d 30d8,ff8e 30db,ff8f+5 30de,
        ff94 30e4,ff95 30e6,ff96+6 30e8,ff9c 30ef,ff9d 30f3,ff9e+2 3099,ffa1+2 1100,ffa3 11aa,ffa4 1102,ffa5+2 11ac,ffa7+3 1103,
        ffaa+6 11b0,ffb0 111a,ffb1+3 1106,ffb4 1121,ffb5+a 1109,ffc2+6 1161,ffca+6 1167,ffd2+6 116d,ffda+3 1173,ffe0+2 a2,ffe2 ac,ffe4 a6,
        ffe5 a5,ffe6 20a9,ffe8 2502,ffe9+4 2190,ffed 25a0,ffee 25cb,107a5 71,1d400+1a 41,1d41a+1a 61,1d434+1a 41,1d44e+7 61,1d456+12 69,
        1d468+1a 41,1d482+1a 61,1d49c 41,1d49e+2 43,1d4a2 47,1d4a5+2 4a,1d4a9+4 4e,1d4ae+8 53,1d4b6+4 61,1d4bb 66,1d4bd+7 68,1d4c5+b 70,
        1d4d0+1a 41,1d4ea+1a 61,1d504+2 41,1d507+4 44,1d50d+8 4a,1d516+7 53,1d51e+1a 61,1d538+2 41,1d53b+4 44,1d540+5 49,1d546 4f,1d54a+7 53,
        1d552+1a 61,1d56c+1a 41,1d586+1a 61,1d5a0+1a 41,1d5ba+1a 61,1d5d4+1a 41,1d5ee+1a 61,1d608+1a 41,1d622+1a 61,1d63c+1a 41,1d656+1a 61,
        1d670+1a 41,1d68a+1a 61,1d7ce+a 30,1d7d8+a 30,1d7e2+a 30,1d7ec+a 30,1d7f6+a 30,1f12b 43,1f12c 52,1f130+1a 41,1fbf0+a 30
        """
}
