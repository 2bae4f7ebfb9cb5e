#!/bin/bash
# explain_svg() in a browser: renders pictures in headless Chromium, light and dark, with Chinese labels, and checks that no text leaves its
# picture, that no two texts overlap, and that all can be read against the background. Skipped, with a word, where there is no Chromium.
#
#   scripts/check_svg.sh
# shellcheck source=scripts/cluster.sh
. "$(dirname "$0")/cluster.sh"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[[ -n $browser ]] || { echo "svg: skipped, there is no chromium"; exit 0; }

# pictures(file): the SVGs of a small shop, one after the other
pictures()
{
	psql -X -q -At -v out="$1" <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION reco;
CREATE TABLE goods (id int PRIMARY KEY, title text);
INSERT INTO goods SELECT i, CASE i % 4 WHEN 0 THEN '云上跑鞋 轻量透气越野款 ' || i WHEN 1 THEN 'Trail shoes ' || i
	WHEN 2 THEN repeat('very long title ', 9) || i ELSE '《长标题》' || repeat('鞋', 60) || i END FROM generate_series(1, 40) i;
CREATE TABLE events (user_id int, item_id int);
INSERT INTO events SELECT u, 1 + (u * 7 + i * i) % 40 FROM generate_series(1, 80) u, generate_series(1, 3 + u % 20) i;
SELECT reco.create_recommender('svg', 'events', 'user_id', 'item_id', items => 'goods', item_key => 'id', item_label => 'title');
CALL reco.refresh('svg', options => '{"factors": 6, "iterations": 4}');
\o :out
SELECT reco.explain_svg(u, 1 + u % 40, 'svg', lang) FROM generate_series(1, 80, 7) u, unnest('{en,zh}'::text[]) lang;
SELECT reco.explain_svg(5, 7, 'svg', 'zh', '{"width": 420}');
SQL
}

# page(file): a page with the pictures and the script that looks at them
page()
{
	printf '<!doctype html><html><head><meta charset="utf-8"><style>:root{color-scheme:light dark}body{background:Canvas;margin:8px}</style></head><body>'
	cat "$1"
	cat <<'HTML'
<pre id="verdict"></pre><script>
const wrong = [];
const tone = c => { const v = c.match(/[\d.]+/g).slice(0, 3).map(x => x / 255).map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
	return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
const ground = tone(getComputedStyle(document.body).backgroundColor);
let texts = 0;
document.querySelectorAll('body > svg').forEach((svg, n) => {
	const frame = svg.getBoundingClientRect();
	const box = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim() !== '').map(t => ({text: t.textContent, fill: getComputedStyle(t).fill, r: t.getBoundingClientRect()}));
	texts += box.length;
	box.forEach((a, i) => {
		if (a.r.left < frame.left - 0.5 || a.r.right > frame.right + 0.5 || a.r.top < frame.top - 0.5 || a.r.bottom > frame.bottom + 0.5)
			wrong.push(`picture ${n}: "${a.text}" leaves the picture`);
		if (contrast(tone(a.fill), ground) < 4.5)
			wrong.push(`picture ${n}: "${a.text}" is ${a.fill}, hard to read`);
		box.slice(i + 1).forEach(b => {
			if (Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left) > 1 && Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top) > 3)
				wrong.push(`picture ${n}: "${a.text}" and "${b.text}" overlap`);
		});
	});
});
const dark = matchMedia('(prefers-color-scheme: dark)').matches;
document.getElementById('verdict').textContent = `verdict ${dark ? 'dark' : 'light'}: ${document.querySelectorAll('body > svg').length} pictures, ${texts} texts, ${wrong.length} wrong\n` + wrong.slice(0, 20).join('\n') + '\nend of verdict';
</script></body></html>
HTML
}

# look(scheme, file): what the browser finds
look()
{
	"$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$folder/profile" --blink-settings=preferredColorScheme="$1" \
		--virtual-time-budget=5000 --dump-dom "file://$2" 2>/dev/null | sed -n '/verdict [dl]/,/end of verdict/p' | sed 's/.*verdict \([dl]\)/\1/; /end of verdict/d'
}

with_extension svg
folder=$(mktemp -d "$RECO_BUILD/svg.XXXXXX")
pictures "$folder/pictures" >/dev/null
page "$folder/pictures" >"$folder/page.html"
failed=0
for scheme in 0 1; do
	found=$(look "$scheme" "$folder/page.html")
	printf 'svg: %s\n' "${found:-the browser said nothing}"
	grep -q ' 0 wrong' <<<"$found" && ! grep -q ' 0 texts' <<<"$found" || failed=1
done
rm -rf "$folder"
exit "$failed"
