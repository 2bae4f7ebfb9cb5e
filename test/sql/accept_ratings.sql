-- What reason_accept() takes for a high rating: said of what the reader rated highly and of nothing else; and which labels are words.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA accept_ratings;
SET search_path = accept_ratings, reco;
-- books that are called like words of any sentence
CREATE TABLE books (id int PRIMARY KEY, title text);
INSERT INTO books SELECT i, (ARRAY['The Old Mill','Salt Roads','Night Ferry','Blue Heron','Next','One','Seeing','Someone','Paper Moon','Low Tide'])[i] FROM generate_series(1, 10) i;
CREATE TABLE ratings (user_id int, book_id int, stars int);
INSERT INTO ratings SELECT u, b, CASE WHEN (u + b) % 2 = 0 THEN 5 ELSE 2 END FROM generate_series(1, 40) u, generate_series(1, 10) b WHERE (u * 7 + b * 3) % 5 < 3;
SELECT create_recommender('rated', 'ratings', 'user_id', 'book_id', value_column => 'stars', feedback => 'explicit', items => 'books', item_key => 'id', item_label => 'title');
CALL refresh('rated', options => '{"factors": 4, "iterations": 5}');
-- facts of a book that a high rating speaks for; of two, the first alone
CREATE TABLE prompt AS SELECT DISTINCT ON (lang) lang, jsonb_set(f, '{because}', jsonb_build_array(f -> 'because' -> 0)) AS facts, f -> 'item' ->> 'name' AS item, f -> 'because' -> 0 ->> 'name' AS cause,
	(SELECT min(title) FROM books WHERE position(' ' IN title) > 0 AND title NOT IN (f -> 'item' ->> 'name', f -> 'because' -> 0 ->> 'name')) AS other
FROM unnest('{en,zh}'::text[]) lang, generate_series(1, 40) u, LATERAL recommend(u, 5, 'rated') r, LATERAL (SELECT reason_prompt(u, r.item_id, 'rated', lang) AS f) f
WHERE f -> 'because' -> 0 ->> 'event' = 'rated_highly' AND position(' ' IN f -> 'because' -> 0 ->> 'name') > 0 AND position(' ' IN f -> 'item' ->> 'name') > 0
ORDER BY lang, u, r.rank;
SELECT count(*) FROM prompt;
-- verdicts(lang, texts): those accepted; %1$s is what was rated highly, %2$s what is recommended, %3$s another book
CREATE FUNCTION verdicts(lang text, VARIADIC forms text[]) RETURNS TABLE (accepted boolean, form text, problem text) LANGUAGE sql AS $$
	SELECT a.accepted, form, replace(replace(replace(a.problems[1], cause, 'CAUSE'), item, 'ITEM'), other, 'OTHER') FROM prompt p, unnest(forms) WITH ORDINALITY f (form, n), LATERAL reason_accept(format(form, cause, item, other), facts) a WHERE p.lang = verdicts.lang ORDER BY n
$$;

\echo == true of the cause
SELECT * FROM verdicts('en', 'You gave “%1$s” a high rating, so we suggest “%2$s”.', 'Your high rating of “%1$s” led us to “%2$s”.', 'Because “%1$s” got a high rating from you, we suggest “%2$s”.',
	'You gave high marks to “%1$s”; here is “%2$s”.', 'You rated “%1$s” highly, so “%2$s” might be your next read.', 'Your high score for “%1$s” is the reason we mention “%2$s”.');
SELECT * FROM verdicts('zh', '因为您对《%1$s》评分很高，推荐《%2$s》。', '您对《%1$s》的高分让我们想到了《%2$s》。', '您为《%1$s》打了高分，推荐《%2$s》。');
\echo == said of something else, of both, or by somebody else
SELECT * FROM verdicts('en', 'You gave “%2$s” a high rating, so we suggest it, as you rated “%1$s” highly.', 'You rated “%1$s” highly and “%2$s” has a high rating.', 'We gave “%1$s” a high rating.', 'Our high rating of “%1$s” led us to “%2$s”.',
	'Your high rating of “%1$s” and “%2$s” led us here.', '“%2$s” and “%1$s” got a high rating from you.', 'You gave “%1$s” and “%2$s” a high rating.', '“%1$s” got a high rating from us.', 'You gave “%1$s” a low rating.', 'You gave “%1$s” a high price.',
	'“%2$s” is the reason we mention “%1$s”.');
SELECT * FROM verdicts('zh', '您对《%2$s》评分很高，您也给《%1$s》打过高分。', '我们对《%1$s》评分很高。', '您对《%1$s》和《%2$s》评分很高。', '大家对《%1$s》评分很高。');
\echo == a rating that is not high is none of these
SELECT count(*) FILTER (WHERE accepted) FROM prompt p, unnest(ARRAY['You gave “%1$s” a high rating.', 'Your high rating of “%1$s” led us here.', '“%1$s” got a high rating from you.']) form,
	LATERAL reason_accept(format(form, cause), jsonb_set(facts, '{because,0,event}', '"rated"')) WHERE lang = 'en';
\echo == labels that are words are names where they are written as names
SELECT * FROM verdicts('en', 'Seeing that you rated “%1$s” highly, “%2$s” may come next.', 'You rated “%1$s” highly, and Next is alike.', 'You rated “%1$s” highly, and “Next” too.', 'You rated “Seeing” highly.', 'You rated “%1$s” highly, and %3$s is alike.', 'You rated “%1$s” highly, and one may come next.');

SELECT drop_recommender('rated');
DROP SCHEMA accept_ratings CASCADE;
