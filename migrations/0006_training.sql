CREATE TABLE `training_datasets` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`request` text NOT NULL,
	`pins` text,
	`result` text,
	`touched` text,
	`created_time` integer NOT NULL,
	`schedule` text
);
--> statement-breakpoint
CREATE INDEX `training_datasets_by_time` ON `training_datasets` (`created_time`);--> statement-breakpoint
CREATE TABLE `training_schedules` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`cron` text NOT NULL,
	`request` text NOT NULL,
	`created_time` integer NOT NULL,
	`next_time` integer,
	`lease_time` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `training_steps` (
	`dataset` text NOT NULL,
	`step` text NOT NULL,
	`content` text NOT NULL,
	PRIMARY KEY(`dataset`, `step`)
);
