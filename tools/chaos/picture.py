"""Lines over a common axis as an SVG picture."""
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 380, 60, 20, 20, 70
COLOURS = ("#0b6e99", "#c2571a", "#5a8f29", "#7b4fa3", "#444444")


def ticks(most, count=5):
    """Round numbers from 0 to at least `most`."""
    step = 10 ** len(str(int(most / count)))
    for divisor in (10, 5, 4, 2, 1):
        if step / divisor * count >= most:
            step /= divisor
            break
    return [index * step for index in range(count + 1)]


def number(value):
    return f"{value:,.0f}".replace(",", " ")


def chart(lines, across, up):
    """`lines`: name to points. Both axes begin at 0."""
    xs = ticks(max(x for points in lines.values() for x, _ in points))
    ys = ticks(max(y for points in lines.values() for _, y in points))
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(x, y):
        return LEFT + x / xs[-1] * width, TOP + height - y / ys[-1] * height

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for y in ys:
        left, at = place(0, y)
        out.append(f'<line x1="{left}" y1="{at:.1f}" x2="{WIDTH - RIGHT}" y2="{at:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">{number(y)}</text>')
    for x in xs:
        at, base = place(x, 0)
        out.append(f'<text x="{at:.1f}" y="{base + 18:.1f}" text-anchor="middle">{number(x)}</text>')
    for index, (name, points) in enumerate(lines.items()):
        path = " ".join(f"{left:.1f},{top:.1f}" for left, top in (place(*point) for point in points))
        colour = COLOURS[index % len(COLOURS)]
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        left = LEFT + index * width / len(lines)
        out.append(f'<rect x="{left:.1f}" y="{HEIGHT - 18}" width="12" height="4" fill="{colour}"/>')
        out.append(f'<text x="{left + 18:.1f}" y="{HEIGHT - 11}">{escape(name)}</text>')
    out.append(f'<text x="{LEFT + width / 2}" y="{HEIGHT - 34}" text-anchor="middle">{escape(across)}</text>')
    out.append(f'<text transform="translate(14 {TOP + height / 2}) rotate(-90)" text-anchor="middle">{escape(up)}</text>')
    return "\n".join([*out, "</svg>", ""])
