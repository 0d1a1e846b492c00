CREATE TABLE `duty_runs` (
	`name` text NOT NULL,
	`is_quiet` integer NOT NULL,
	`started_time` integer NOT NULL,
	`ended_time` integer NOT NULL,
	`outcome` text,
	`error` text,
	PRIMARY KEY(`name`, `is_quiet`)
);
--> statement-breakpoint
CREATE TABLE `leases` (
	`name` text PRIMARY KEY NOT NULL,
	`holder` text NOT NULL,
	`expiry_time` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `refused_files` (
	`source` text NOT NULL,
	`file` text NOT NULL,
	`etag` text NOT NULL,
	`reason` text NOT NULL,
	`time` integer NOT NULL,
	PRIMARY KEY(`source`, `file`, `etag`)
);
