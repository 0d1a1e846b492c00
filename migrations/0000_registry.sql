CREATE TABLE `commits` (
	`commit` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`time` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `dead_letters` (
	`id` text PRIMARY KEY NOT NULL,
	`time` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `generations` (
	`generation` integer PRIMARY KEY NOT NULL,
	`applied_time` integer NOT NULL,
	`author` text NOT NULL,
	`definitions` text NOT NULL,
	`versions` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `load_chunks` (
	`load` text NOT NULL,
	`chunk` integer NOT NULL,
	`content` text NOT NULL,
	PRIMARY KEY(`load`, `chunk`)
);
--> statement-breakpoint
CREATE TABLE `loads` (
	`id` text PRIMARY KEY NOT NULL,
	`source` text NOT NULL,
	`file` text NOT NULL,
	`etag` text NOT NULL,
	`bytes` integer NOT NULL,
	`ingest_time` integer NOT NULL,
	`bad_rows_max` integer NOT NULL,
	`status` text NOT NULL,
	`generation` integer NOT NULL,
	`chunk_count` integer NOT NULL,
	`is_registered` integer NOT NULL,
	`error` text,
	`heartbeat_time` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `loads_by_source` ON `loads` (`source`);--> statement-breakpoint
CREATE INDEX `loads_by_status` ON `loads` (`status`);--> statement-breakpoint
CREATE TABLE `pushes` (
	`id` text PRIMARY KEY NOT NULL,
	`push_id` text NOT NULL,
	`door_time` integer NOT NULL,
	`generation` integer NOT NULL,
	`body_fingerprint` text NOT NULL,
	`answer` text
);
--> statement-breakpoint
CREATE INDEX `pushes_by_door_time` ON `pushes` (`door_time`);--> statement-breakpoint
CREATE TABLE `segments` (
	`path` text PRIMARY KEY NOT NULL,
	`view` text NOT NULL,
	`version` integer NOT NULL,
	`bucket` text NOT NULL,
	`bytes` integer NOT NULL,
	`row_count` integer NOT NULL,
	`event_time_min` integer NOT NULL,
	`event_time_max` integer NOT NULL,
	`ingest_time_min` integer NOT NULL,
	`ingest_time_max` integer NOT NULL,
	`commit` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `segments_by_view` ON `segments` (`view`,`version`);--> statement-breakpoint
CREATE TABLE `view_versions` (
	`view` text NOT NULL,
	`version` integer NOT NULL,
	`fingerprint` text NOT NULL,
	`generation` integer NOT NULL,
	PRIMARY KEY(`view`, `version`)
);
