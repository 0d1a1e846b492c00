ALTER TABLE `loads` ADD `ignored` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `loads` ADD `started_time` integer;--> statement-breakpoint
ALTER TABLE `loads` ADD `ended_time` integer;