SELECT   a.stage_name                             AS artist,
         count(*)                                 AS plays,
         round(sum(p.ms_played) / 3600000.0, 1)   AS hours,
         r.due,
         r.paid
FROM     media_player.play_events.plays  p
JOIN     artists.profiles.artists        a  ON a.artist_id = p.artist_id
JOIN     payments.royalties.royalties    r  ON r.artist_id = p.artist_id
                                           AND r.country = p.country
WHERE    p.country = 'SE'
AND      p.played_at >= '2026-09-01T00:00:00Z'
AND      p.played_at <  '2026-10-01T00:00:00Z'
AND      r.month = DATE '2026-09-01'
AND      a.country = 'NO'
GROUP BY a.stage_name, r.due, r.paid
ORDER BY plays DESC, artist
LIMIT    10
