# A plot of CPU seconds a party against rows and against columns, as one SVG file that needs nothing else.
#   awk -f tests/bench/plot.awk LINES >scaling.svg      LINES: what tests/bench/training.sh prints for rows and columns
# Both scales are logarithmic: a slope of 1 is the dashed line, what least squares fits is the solid one.
function plot(name, what, left, i, n, x, y, sx, sy, sxx, sxy, slope, base, x0, x1, y0, y1, scale) {
    n = points[name]
    for (i = 1; i <= n; i++) {
        x = log(at[name, i]); y = log(cost[name, i])
        sx += x; sy += y; sxx += x * x; sxy += x * y
        if (i == 1 || x < x0) x0 = x
        if (i == 1 || x > x1) x1 = x
        if (i == 1 || y < y0) y0 = y
        if (i == 1 || y > y1) y1 = y
    }
    if (n < 2 || x0 == x1)
        return
    slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    base = (sy - slope * sx) / n
    if (y1 < y0 + x1 - x0)
        y1 = y0 + x1 - x0
    scale = 300 / (x1 - x0 > y1 - y0 ? x1 - x0 : y1 - y0)
    printf "<g transform=\"translate(%d 380)\">\n", left
    printf "<path class=\"axis\" d=\"M-12 22V-310M-12 22H310\"/>\n"
    printf "<path class=\"even\" d=\"M0 %.1fL%.1f %.1f\"/>\n", -(base + slope * x0 - y0) * scale, (x1 - x0) * scale, \
        -(base + slope * x0 - y0 + x1 - x0) * scale
    printf "<path class=\"fit\" d=\"M0 %.1fL%.1f %.1f\"/>\n", -(base + slope * x0 - y0) * scale, (x1 - x0) * scale, \
        -(base + slope * x1 - y0) * scale
    for (i = 1; i <= n; i++) {
        x = (log(at[name, i]) - x0) * scale; y = -(log(cost[name, i]) - y0) * scale
        printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", x, y
        printf "<text class=\"tick\" x=\"%.1f\" y=\"38\" text-anchor=\"middle\">%s</text>\n", x, at[name, i]
        printf "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%.3g s</text>\n", x + 7, y + 14, cost[name, i]
    }
    printf "<text x=\"-12\" y=\"-362\">CPU seconds of a party against %s</text>\n", what
    printf "<text class=\"tick\" x=\"-12\" y=\"-344\">%s</text>\n", size[name]
    printf "<text class=\"tick\" x=\"-12\" y=\"-328\">slope %.2f fitted, %.2f between the last two</text>\n</g>\n", slope, \
        (log(cost[name, n]) - log(cost[name, n - 1])) / (log(at[name, n]) - log(at[name, n - 1]))
    drawn++
}
BEGIN { FS = "\t" }
$1 == "rows_cpu" || $1 == "columns_cpu" {
    split($2, word, " ")
    split(word[1], part, "x")
    i = ++points[$1]
    at[$1, i] = part[$1 == "rows_cpu" ? 2 : 3]
    cost[$1, i] = $4
    size[$1] = part[1] " parties, " ($1 == "rows_cpu" ? part[3] " columns" : part[2] " rows") ", " word[3] " sigmoid, " word[4] " bits"
}
END {
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 430\" font-family=\"sans-serif\" font-size=\"15\">"
    print "<style>.axis{stroke:#999;fill:none}.fit{stroke:#1a5fb4;stroke-width:2}.even{stroke:#999;stroke-dasharray:5}" \
        "circle{fill:#1a5fb4}.tick{font-size:11px;fill:#555}</style>"
    print "<rect width=\"800\" height=\"430\" fill=\"#fff\"/>"
    plot("rows_cpu", "rows", 50)
    plot("columns_cpu", "columns", drawn ? 440 : 50)
    print "</svg>"
}
