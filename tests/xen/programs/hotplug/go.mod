module hotplug

go 1.19
