-- When a slow report was last sent to the ticket system, and when that system took it. Times are Unix milliseconds.
ALTER TABLE slow_reports ADD COLUMN tried BIGINT;
ALTER TABLE slow_reports ADD COLUMN told BIGINT;
