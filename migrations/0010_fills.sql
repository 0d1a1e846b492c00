CREATE TABLE `fill_chunks` (
	`fill` text NOT NULL,
	`chunk` integer NOT NULL,
	`content` text NOT NULL,
	PRIMARY KEY(`fill`, `chunk`)
);
--> statement-breakpoint
ALTER TABLE `generations` ADD `transition` text DEFAULT '{"unfilled":{},"kept":{},"held":{}}' NOT NULL;