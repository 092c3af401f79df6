-- What each listener heard on each day, with the artist heard longest.
WITH per_artist AS (
  SELECT listener_id, CAST(played_at AS DATE) AS day, artist_id,
         count(*) AS plays, sum(ms_played) AS ms
  FROM   media_player."play_events@2".plays
  GROUP  BY 1, 2, 3
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY listener_id, day ORDER BY ms DESC, artist_id) AS place
  FROM   per_artist
)
SELECT r.listener_id, r.day,
       sum(r.plays) AS plays,
       sum(r.ms) / 60000.0 AS minutes,
       max(CASE WHEN r.place = 1 THEN a.stage_name END) AS top_artist
FROM   ranked r LEFT JOIN artists."profiles@1".artists a USING (artist_id)
GROUP  BY r.listener_id, r.day
